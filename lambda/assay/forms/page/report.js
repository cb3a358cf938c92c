"use strict";

// Sorts, filters, searches and pages the table of resources. The rows are columns of numbers that
// stand for texts in tables; only one page of them is ever in the document.
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const { tables } = data;
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const UNITS = [[86400, "day"], [3600, "hour"], [60, "minute"]];
  const ON_PAPER = 1000;
  const OPEN = 0;

  const count = (number, noun = "") => {
    const text = number.toLocaleString("en-US");
    return noun ? `${text} ${noun}${number === 1 ? "" : "s"}` : text;
  };
  const age = (seconds) => {
    const passed = data.now - seconds;
    const unit = UNITS.find(([size]) => passed >= size);
    return unit ? count(Math.floor(passed / unit[0]), unit[1]) : "less than a minute";
  };
  const moment = (seconds) => {
    const iso = new Date(seconds * 1000).toISOString();
    const month = MONTHS[Number(iso.slice(5, 7)) - 1];
    return `${Number(iso.slice(8, 10))} ${month} ${iso.slice(0, 4)}, ${iso.slice(11, 16)}`;
  };
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const arn = (row) => tables.before[data.before[row]] + data.name[row];

  // -- Elements ---------------------------------------------------------------------------------

  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const icon = (name) => {
    const space = "http://www.w3.org/2000/svg";
    const [svg, use] = ["svg", "use"].map((tag) => document.createElementNS(space, tag));
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `#icon-${name}`);
    svg.append(use);
    return svg;
  };
  const cell = (name, label, ...children) =>
    make("td", { class: `c-${name}`, "data-label": label }, ...children);
  const time = (seconds) => {
    const machine = `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
    return make("small", {}, make("time", { datetime: machine }, moment(seconds)));
  };
  const known = new Set(["critical", "high", "medium", "low"]);

  const status = (row) => {
    const [key, label] = data.statuses[data.status[row]];
    const parts = [make("span", { class: `badge ${key}` }, icon(key), label)];
    const change = tables.change[data.change[row]];
    if (change) parts.push(make("span", { class: "badge change" }, capital(change)));
    return cell("status", "Status", ...parts);
  };
  const severity = (row) => {
    const name = tables.severity[data.severity[row]];
    const parts = known.has(name) ? [icon(name), name] : [name];
    const label = `severity ${known.has(name) ? name : "other"}`;
    return cell("severity", "Severity", make("span", { class: label }, ...parts));
  };
  const resource = (row) => {
    const url = tables.url[data.url[row]].replaceAll("\0", data.name[row]);
    const name = data.name[row] || arn(row);
    const shown = url
      ? make("a", { class: "name", href: url }, name, icon("out"))
      : make("span", { class: "name" }, name);
    return cell("resource", "Resource", shown, make("small", {}, arn(row)));
  };
  const rule = (row) => {
    const name = tables.rule[data.rule[row]];
    const explained = data.rule[row] < data.explained;
    return cell("rule", "Rule", explained ? make("a", { href: `#rule-${name}` }, name) : name);
  };
  const reason = (row) => {
    const parts = [make("span", {}, tables.reason[data.reason[row]])];
    const note = tables.note[data.note[row]];
    if (note) parts.push(make("small", { class: "note" }, note));
    return cell("reason", "Reason", ...parts);
  };
  const since = (row) => {
    const seconds = tables.time[data.since[row]];
    return cell("since", "Since (UTC)", make("b", {}, age(seconds)), time(seconds));
  };
  const checked = (row) => {
    const seconds = tables.time[data.checked[row]];
    const parts = [make("span", {}, `${age(seconds)} ago`), time(seconds)];
    const unreadable = tables.unreadable[data.unreadable[row]];
    if (unreadable) {
      const text = `Not read again: ${unreadable}`;
      parts.push(make("small", { class: "note" }, icon("warning"), text));
    }
    return cell("checked", "Checked (UTC)", ...parts);
  };
  const CELLS = [status, severity, resource, rule, reason, since, checked];
  const element = (row) =>
    make("tr", { class: data.statuses[data.status[row]][0] }, ...CELLS.map((each) => each(row)));
  const show = (rows, nothing) => {
    const empty = () => make("tr", { class: "nothing" }, make("td", { colspan: 7 }, nothing));
    byId("rows").replaceChildren(...(rows.length ? rows.map(element) : [empty()]));
  };

  // -- What is shown ----------------------------------------------------------------------------

  const every = Array.from({ length: data.rows }, (_, row) => row);
  let sorted = { by: "status", descending: false };
  let order = every;
  let found = every;
  let page = 0;

  // The places of texts when they are sorted, so that rows compare by numbers.
  const ranks = (texts) => {
    const places = texts.map((_, place) => place);
    places.sort((one, other) => (texts[one] < texts[other] ? -1 : texts[one] > texts[other] ? 1 : 0));
    const result = new Array(texts.length);
    let rank = -1;
    let before = null;
    for (const place of places) {
      if (texts[place] !== before) rank += 1;
      before = texts[place];
      result[place] = rank;
    }
    return result;
  };
  const through = (table, column) => column.map((place) => table[place]);
  const KEYS = {
    status: () => data.status,
    severity: () => data.severity,
    resource: () => ranks(every.map(arn)),
    rule: () => through(ranks(tables.rule), data.rule),
    reason: () => through(ranks(tables.reason), data.reason),
    since: () => through(tables.time, data.since),
    checked: () => through(tables.time, data.checked),
  };
  const keys = {};
  const sort = () => {
    keys[sorted.by] ??= KEYS[sorted.by]();
    const key = keys[sorted.by];
    const sign = sorted.descending ? -1 : 1;
    // Rows that are the same in this stay as they came: the most urgent ones first.
    order = [...every].sort((one, other) => sign * (key[one] - key[other]) || one - other);
  };

  const FILTERS = ["status", "severity", "rule", "change", "unreadable"];
  const choice = (name) => byId(`by-${name}`).value;
  const TESTS = {
    status: (value) => (row) => data.status[row] === Number(value),
    severity: (value) => (row) => data.severity[row] === Number(value),
    rule: (value) => (row) => data.rule[row] === Number(value),
    change: (value) => (row) => data.change[row] === Number(value),
    unreadable: () => (row) => data.unreadable[row] !== 0,
  };
  const having = (word) => {
    const has = (texts) => texts.map((text) => text.toLowerCase().includes(word));
    const inTable = ["severity", "rule", "change", "reason", "note", "unreadable"].map((name) => [
      data[name],
      has(tables[name]),
    ]);
    inTable.push([data.status, has(data.statuses.map(([, label]) => label))]);
    const inColumns = inTable.filter(([, hits]) => hits.includes(true));
    return (row) =>
      inColumns.some(([column, hits]) => hits[column[row]]) ||
      arn(row).toLowerCase().includes(word);
  };
  const filter = () => {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const tests = FILTERS.filter(choice).map((name) => TESTS[name](choice(name)));
    tests.push(...words.map(having));
    found = tests.length ? order.filter((row) => tests.every((test) => test(row))) : order;
  };

  const size = () => Number(byId("size").value);
  const pages = () => Math.max(1, Math.ceil(found.length / size()));
  const say = () => {
    const from = page * size();
    const rows = `${count(from + 1)} to ${count(Math.min(from + size(), found.length))}`;
    const way = sorted.descending ? ", the other way round" : "";
    const all = found.length < data.rows ? ` (${count(data.rows)} without filters)` : "";
    byId("shown").textContent = found.length
      ? `Rows ${rows} of ${count(found.length)}${all}, sorted by ${sorted.by}${way}.`
      : `No resource is like that${all}.`;
  };
  const render = () => {
    show(found.slice(page * size(), (page + 1) * size()), "No resource is like that.");
    byId("page").textContent = `Page ${count(page + 1)} of ${count(pages())}`;
    // Not `disabled`, which would take the focus away from who presses the key once more.
    for (const id of ["first", "previous"]) byId(id).setAttribute("aria-disabled", page === 0);
    for (const id of ["next", "last"]) {
      byId(id).setAttribute("aria-disabled", page === pages() - 1);
    }
    say();
  };
  const find = () => {
    filter();
    page = 0;
    render();
  };
  const turn = (to) => {
    const next = Math.min(Math.max(to, 0), pages() - 1);
    if (next === page) return;
    page = next;
    render();
    byId("region").scrollTop = 0;
    byId("table").scrollIntoView({ block: "start" });
  };

  // -- Controls ---------------------------------------------------------------------------------

  const options = (name, all, labels, column) => {
    const counts = new Map();
    for (const value of column) counts.set(value, (counts.get(value) ?? 0) + 1);
    const select = byId(`by-${name}`);
    select.append(make("option", { value: "" }, all));
    labels.forEach((label, value) => {
      if (!label || !counts.has(value)) return;
      select.append(make("option", { value }, `${label} (${count(counts.get(value))})`));
    });
  };
  options("status", "All", data.statuses.map(([, label]) => label), data.status);
  options("severity", "All", tables.severity.map(capital), data.severity);
  options("rule", "All", tables.rule, data.rule);
  options("change", "Any or none", tables.change.map(capital), data.change);
  const unread = data.unreadable.map((place) => Number(place !== 0));
  options("unreadable", "Read or not", ["", "Could not be read"], unread);

  const headers = [...document.querySelectorAll("th[data-sort]")];
  const mark = () => {
    for (const header of headers) {
      const here = header.dataset.sort === sorted.by;
      const direction = here ? (sorted.descending ? "descending" : "ascending") : "none";
      header.setAttribute("aria-sort", direction);
      header.querySelector("use").setAttribute("href", `#icon-${direction}`);
    }
  };
  for (const header of headers) {
    const button = make("button", { type: "button" }, ...header.childNodes, icon("none"));
    header.append(button);
    button.addEventListener("click", () => {
      const by = header.dataset.sort;
      sorted = { by, descending: by === sorted.by && !sorted.descending };
      mark();
      sort();
      find();
    });
  }

  const form = byId("filters");
  let typing;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", find);
  form.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(find, 120);
  });
  form.addEventListener("reset", () => {
    // What is reset is so only after this.
    setTimeout(find);
  });
  for (const link of document.querySelectorAll("a[data-rule]")) {
    link.addEventListener("click", () => {
      form.reset();
      byId("by-rule").value = tables.rule.indexOf(link.dataset.rule);
      byId("by-status").value = OPEN;
      find();
    });
  }

  byId("first").addEventListener("click", () => turn(0));
  byId("previous").addEventListener("click", () => turn(page - 1));
  byId("next").addEventListener("click", () => turn(page + 1));
  byId("last").addEventListener("click", () => turn(pages() - 1));
  byId("size").addEventListener("change", find);

  // On paper nobody can turn a page of the table.
  addEventListener("beforeprint", () => {
    const open = every.filter((row) => data.status[row] === OPEN);
    const shown = open.slice(0, ON_PAPER);
    byId("on-paper").textContent =
      shown.length < open.length
        ? `On paper: the first ${count(ON_PAPER)} of ${count(open.length)} open violations, the ` +
          "most severe first. All rows are in the JSON and CSV forms of the report."
        : `On paper: all open violations, the most severe first (${count(open.length)}).`;
    byId("on-paper").hidden = false;
    for (const details of document.querySelectorAll("details.card")) details.open = true;
    show(shown, "There is no open violation.");
  });
  addEventListener("afterprint", () => {
    byId("on-paper").hidden = true;
    render();
  });

  byId("static").remove();
  if (matchMedia("(max-width: 48rem)").matches) byId("size").value = "25";
  for (const id of ["filters", "shown", "pages"]) byId(id).hidden = false;
  mark();
  render();
  performance.mark("usable");
})();
