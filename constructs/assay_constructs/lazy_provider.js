"use strict";

// Preloaded by bindings.py. The AWS provider's lib/index.js requires each of its some 1,500 modules
// when it is loaded; here those lines become getters, so that a module is required when it is used.
// CDK Terrain's wraps each of them in a copy, __importStar, so a getter keeps what it got first.

const fs = require("node:fs");
const Module = require("node:module");
const path = require("node:path");

const PACKAGES = new Set(["@cdktf/provider-aws", "@cdktn/provider-aws"]);
const EAGER = /^exports\.(\w+) = ((?:__importStar\()?require\("\.\/[\w\/-]+"\)\)?);$/gm;
const GETTER =
  'Object.defineProperty(exports, "$1", { enumerable: true, configurable: true, get() { ' +
  'const value = $2; Object.defineProperty(exports, "$1", { value }); return value; } });';

function isProviderIndex(filename) {
  const lib = path.dirname(filename);
  if (path.basename(filename) !== "index.js" || path.basename(lib) !== "lib") return false;
  try {
    const manifest = fs.readFileSync(path.join(path.dirname(lib), "package.json"), "utf8");
    return PACKAGES.has(JSON.parse(manifest).name);
  } catch {
    return false;
  }
}

function lazily(content, filename) {
  const lazy = content.replace(EAGER, GETTER);
  if (lazy === content) {
    process.emitWarning(`${filename} does not look as expected, so all of it is loaded at once`);
  }
  return lazy;
}

const compile = Module.prototype._compile;
Module.prototype._compile = function (content, filename, ...rest) {
  const source = isProviderIndex(filename) ? lazily(content, filename) : content;
  return compile.call(this, source, filename, ...rest);
};
