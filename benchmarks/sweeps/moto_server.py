"""moto's server in a thread, with resources put straight into its backends.

Its own API would take hours to fill. Two of its ways are replaced because their cost grows with the
square of what it holds: it looks for the tags of each instance among those of all, and it copies
the whole table for each item of a transaction, to be able to undo it.
"""

import contextlib
import copy
import io
import logging
from collections import Counter
from collections.abc import Iterator
from threading import Lock, Thread
from typing import Any

import boto3
from moto.backends import get_backend
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT, Table
from moto.ec2.models.instances import Instance, Reservation
from moto.server import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from sweeps import resources
from sweeps.requests import LAMBDAS_OWN, Request
from sweeps.resources import ACCOUNT, REGION, Resources

_KEYS = {
    "compliance-history": ("resource_id", "evaluation_timestamp"),
    "compliance-state": ("rule_name", "resource_id"),
}
_SERVICES = ("dynamodb", "ec2", "rds", "s3", "sns", "sqs")
_ENCRYPTION = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}}


class MotoServer:
    """The server, with the resources of one rule.

    Attributes:
        resources: What it holds.
        calls: How often each operation was asked for.
        endpoint_url: Where it listens, while it is used as a context.
    """

    endpoint_url: str

    def __init__(self, swept: Resources, rule_name: str) -> None:
        self.resources = swept
        self.calls: Counter[str] = Counter()
        self._lock = Lock()
        self._application = DomainDispatcherApplication(create_backend_app)
        self._seed, self._change = {
            "ec2-tag-compliance": (self._seed_instances, self._tag_instance),
            "s3-encryption-compliance": (self._seed_buckets, self._encrypt_bucket),
            "rds-backup-compliance": (self._seed_databases, self._keep_backups),
        }[rule_name]

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Fill moto and serve, on a free port of the loopback interface."""
        _spare_squares()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = make_server(
            "127.0.0.1", 0, self._counted, threaded=True, request_handler=MotoRequestHandler
        )
        thread = Thread(target=server.serve_forever)
        thread.start()
        self.endpoint_url = f"http://127.0.0.1:{server.port}"
        try:
            self._make_tables()
            self._seed()
            for number in range(self.resources.count):
                self._change(number, violates=self.resources.violates(number))
            yield
        finally:
            server.shutdown()
            thread.join()
            for service in _SERVICES:
                get_backend(service).reset()

    def _counted(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        operation = Request(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            environ.get("HTTP_X_AMZ_TARGET", ""),
            body,
        ).operation()
        if operation not in LAMBDAS_OWN:
            with self._lock:
                self.calls[operation] += 1
        return self._application(environ, start_response)

    def change(self) -> None:
        """Let one resource in a hundred change."""
        self.resources.changed = True
        for number in range(0, self.resources.count, resources.CHANGE_EVERY):
            self._change(number, violates=self.resources.violates(number))

    def state_pages(self, rule_name: str) -> int:
        """Count the pages of a Query of a rule's state."""
        table = _backend("dynamodb").tables["compliance-state"]
        pages, filled = 1, 0
        for partition, items in table.items.items():
            for item in items.values() if partition.value == rule_name else ():
                size = item.size()
                if filled + size > RESULT_SIZE_LIMIT:
                    pages, filled = pages + 1, 0
                filled += size
        return pages

    def fill_history(self, sweeps: int) -> None:
        """Let history hold nothing but what the latest sweep wrote, as many times over."""
        table = _backend("dynamodb").tables["compliance-history"]
        latest = [
            max(items.values(), key=lambda item: str(item.range_key.value))
            for items in table.items.values()
        ]
        table.items.clear()
        for sweep in range(sweeps):
            time = {"evaluation_timestamp": {"S": f"2026-01-{sweep + 1:02}T00:00:00.000000Z"}}
            for item in latest:
                table.put_item({**item.to_json()["Attributes"], **time})

    def _make_tables(self) -> None:
        def client(service: str) -> Any:
            return boto3.client(
                service,  # type: ignore[call-overload]
                endpoint_url=self.endpoint_url,
                region_name=REGION,
                aws_access_key_id="benchmark",
                aws_secret_access_key="benchmark",  # noqa: S106 - moto takes any
            )

        for name, keys in _KEYS.items():
            client("dynamodb").create_table(
                TableName=name,
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind}
                    for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
                BillingMode="PAY_PER_REQUEST",
            )
        client("sns").create_topic(Name="alerts")
        client("sqs").create_queue(QueueName="continuations")

    def _seed_instances(self) -> None:
        backend = _backend("ec2")
        backend.run_instances("ami-12c6146b", 1, None, [], is_instance_type_default=True)
        _, reservation = backend.reservations.popitem()
        (model,) = reservation.instances
        for number in range(self.resources.count):
            instance = copy.copy(model)
            instance.id = resources.instance_id(number)
            reservation = Reservation(f"r-{number:017x}", ACCOUNT)
            reservation.instances.append(instance)
            backend.reservations[reservation.id] = reservation

    def _tag_instance(self, number: int, *, violates: bool) -> None:
        (instance,) = _backend("ec2").reservations[f"r-{number:017x}"].instances
        instance.benchmark_tags = [
            {"key": key, "value": value} for key, value in resources.tags(violates=violates).items()
        ]

    def _seed_buckets(self) -> None:
        for number in range(self.resources.count):
            _backend("s3").create_bucket(resources.bucket_name(number), REGION)

    def _encrypt_bucket(self, number: int, *, violates: bool) -> None:
        name = resources.bucket_name(number)
        _backend("s3").get_bucket(name).encryption = None if violates else _ENCRYPTION

    def _seed_databases(self) -> None:
        backend = _backend("rds")
        model = backend.create_db_instance(
            {
                "db_instance_identifier": "model",
                "db_instance_class": "db.m5.large",
                "engine": "postgres",
            }
        )
        backend.databases.clear()
        for number in range(self.resources.count):
            database = copy.copy(model)
            database.db_instance_identifier = resources.database_name(number)
            backend.databases[database.db_instance_identifier] = database

    def _keep_backups(self, number: int, *, violates: bool) -> None:
        database = _backend("rds").databases[resources.database_name(number)]
        database.backup_retention_period = resources.retention_days(violates=violates)


def _backend(service: str) -> Any:
    return get_backend(service)[ACCOUNT]["aws" if service == "s3" else REGION]


def _spare_squares() -> None:
    Instance.get_tags = lambda instance: instance.benchmark_tags
    Table.__deepcopy__ = lambda table, _memo: table
