"""The resources that are swept, and what AWS's listings say of them.

The answers have as many elements as AWS's own, because reading them is most of a sweep's work.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

ACCOUNT, REGION = "123456789012", "us-east-1"
RULES = ("ec2-tag-compliance", "s3-encryption-compliance", "rds-backup-compliance")

# One resource in a hundred changes: every second of them is mended, the others break. Of the
# rest every twentieth violates its rule all the time.
CHANGE_EVERY, VIOLATION_EVERY = 100, 20

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
INSTANCE_PAGE = 1000
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
BUCKET_PAGE = 10_000
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html
DATABASE_PAGE = 100

_TIME = "2026-01-31T09:26:53.000Z"


@dataclass
class Resources:
    """As many resources of each type as are swept, before or after one in a hundred changed.

    Attributes:
        count: How many.
        changed: Whether the changes have happened.
    """

    count: int
    changed: bool = False

    def violates(self, number: int) -> bool:
        """Tell whether a resource violates its rule."""
        if number % CHANGE_EVERY == 0:
            breaks = number % (2 * CHANGE_EVERY) != 0
            return breaks == self.changed
        return number % VIOLATION_EVERY == 0

    def violations(self) -> int:
        """Count the resources that violate their rule."""
        return sum(map(self.violates, range(self.count)))

    def changes(self) -> int:
        """Count the resources that change."""
        return math.ceil(self.count / CHANGE_EVERY)


def instance_id(number: int) -> str:
    """Return an EC2 instance's id."""
    return f"i-{number:017x}"


def bucket_name(number: int) -> str:
    """Return a bucket's name."""
    return f"assay-benchmark-{number:07}"


def database_name(number: int) -> str:
    """Return an RDS instance's name."""
    return f"assay-benchmark-{number:07}"


def tags(*, violates: bool) -> dict[str, str]:
    """Return an EC2 instance's tags."""
    owner = {} if violates else {"Owner": "payments"}
    return {"Name": "web", "Environment": "production", **owner}


def retention_days(*, violates: bool) -> int:
    """Return the days that an RDS instance keeps its backups."""
    return 1 if violates else 14


def instances_page(resources: Resources, token: str) -> bytes:
    """Answer DescribeInstances; a token is the number of the next instance."""
    numbers, following = _page(resources, token, INSTANCE_PAGE)
    items = [
        _INSTANCE.format(
            id=instance_id(number),
            number=f"{number:017x}",
            tags=xml(
                item=[
                    {"key": key, "value": value}
                    for key, value in tags(violates=resources.violates(number)).items()
                ]
            ),
        )
        for number in numbers
    ]
    end = xml(nextToken=following) if following else ""
    return _document(
        "DescribeInstancesResponse",
        f"<requestId>r</requestId><reservationSet>{''.join(items)}</reservationSet>{end}",
    )


def databases_page(resources: Resources, token: str) -> bytes:
    """Answer DescribeDBInstances."""
    numbers, following = _page(resources, token, DATABASE_PAGE)
    items = [
        _DATABASE.format(
            name=database_name(number),
            number=f"{number:026}",
            days=retention_days(violates=resources.violates(number)),
        )
        for number in numbers
    ]
    end = xml(Marker=following) if following else ""
    result = f"<DBInstances>{''.join(items)}</DBInstances>{end}"
    return _document(
        "DescribeDBInstancesResponse",
        f"<DescribeDBInstancesResult>{result}</DescribeDBInstancesResult>",
    )


def buckets_page(resources: Resources, token: str) -> bytes:
    """Answer ListBuckets."""
    numbers, following = _page(resources, token, BUCKET_PAGE)
    items = [
        f"<Bucket><BucketRegion>{REGION}</BucketRegion><CreationDate>{_TIME}</CreationDate>"
        f"<Name>{bucket_name(number)}</Name></Bucket>"
        for number in numbers
    ]
    end = xml(ContinuationToken=following) if following else ""
    return _document("ListAllMyBucketsResult", f"<Buckets>{''.join(items)}</Buckets>{end}")


def encryption(resources: Resources, name: str) -> bytes | None:
    """Answer GetBucketEncryption; None where there is none."""
    if resources.violates(int(name.rpartition("-")[2])):
        return None
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    return _document(
        "ServerSideEncryptionConfiguration", xml(Rule={**default, "BucketKeyEnabled": "false"})
    )


def xml(**elements: Any) -> str:
    """Write elements: an object is nested, a list repeats its element."""
    return "".join(_elements(elements))


def _elements(elements: Mapping[str, Any]) -> Iterator[str]:
    for name, value in elements.items():
        for each in value if isinstance(value, list) else [value]:
            yield f"<{name}>{xml(**each) if isinstance(each, dict) else each}</{name}>"


def _document(name: str, text: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{name}>{text}</{name}>'.encode()


def _page(resources: Resources, token: str, size: int) -> tuple[Iterable[int], str]:
    start = int(token or 0)
    end = min(start + size, resources.count)
    return range(start, end), str(end) if end < resources.count else ""


_GROUPS = {"item": {"groupId": "sg-0598c7d356eba48d7", "groupName": "web"}}
_ADDRESS = "10.0.12.34"
_NAMES = {
    "privateDnsName": "ip-10-0-12-34.ec2.internal",
    "privateIpAddress": _ADDRESS,
}
_NETWORK = {"subnetId": "subnet-0a1b2c3d4e5f60718", "vpcId": "vpc-0a1b2c3d4e5f60718"}

# An instance on its own in a VPC, as most are.
_INSTANCE = xml(
    item={
        "reservationId": "r-{number}",
        "ownerId": ACCOUNT,
        "groupSet": "",
        "instancesSet": {
            "item": {
                "instanceId": "{id}",
                "imageId": "ami-0abcdef1234567890",
                "instanceState": {"code": 16, "name": "running"},
                **_NAMES,
                "dnsName": "",
                "reason": "",
                "keyName": "operations",
                "amiLaunchIndex": 0,
                "productCodes": "",
                "instanceType": "m5.large",
                "launchTime": _TIME,
                "placement": {
                    "availabilityZoneId": "use1-az1",
                    "availabilityZone": "us-east-1a",
                    "groupName": "",
                    "tenancy": "default",
                },
                "monitoring": {"state": "disabled"},
                **_NETWORK,
                "sourceDestCheck": "true",
                "groupSet": _GROUPS,
                "architecture": "x86_64",
                "rootDeviceType": "ebs",
                "rootDeviceName": "/dev/xvda",
                "blockDeviceMapping": {
                    "item": [
                        {
                            "deviceName": device,
                            "ebs": {
                                "volumeId": "vol-{number}",
                                "status": "attached",
                                "attachTime": _TIME,
                                "deleteOnTermination": "true",
                            },
                        }
                        for device in ("/dev/xvda", "/dev/sdf")
                    ]
                },
                "virtualizationType": "hvm",
                "clientToken": "d3b07384-d113-4ec6-a5b2-{number}",
                "tagSet": "{tags}",
                "hypervisor": "xen",
                "networkInterfaceSet": {
                    "item": {
                        "networkInterfaceId": "eni-{number}",
                        **_NETWORK,
                        "description": "",
                        "ownerId": ACCOUNT,
                        "status": "in-use",
                        "macAddress": "0a:1b:2c:3d:4e:5f",
                        **_NAMES,
                        "sourceDestCheck": "true",
                        "groupSet": _GROUPS,
                        "attachment": {
                            "attachmentId": "eni-attach-{number}",
                            "deviceIndex": 0,
                            "status": "attached",
                            "attachTime": _TIME,
                            "deleteOnTermination": "true",
                            "networkCardIndex": 0,
                        },
                        "privateIpAddressesSet": {"item": {**_NAMES, "primary": "true"}},
                        "ipv6AddressesSet": "",
                        "interfaceType": "interface",
                        "operator": {"managed": "false"},
                    }
                },
                "iamInstanceProfile": {
                    "arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/web",
                    "id": "AIPACKCEVSQ6C2EXAMPLE",
                },
                "ebsOptimized": "true",
                "enaSupport": "true",
                "cpuOptions": {"coreCount": 1, "threadsPerCore": 2},
                "capacityReservationSpecification": {"capacityReservationPreference": "open"},
                "hibernationOptions": {"configured": "false"},
                "metadataOptions": {
                    "state": "applied",
                    "httpTokens": "required",
                    "httpPutResponseHopLimit": 2,
                    "httpEndpoint": "enabled",
                    "httpProtocolIpv6": "disabled",
                    "instanceMetadataTags": "disabled",
                },
                "enclaveOptions": {"enabled": "false"},
                "bootMode": "uefi-preferred",
                "platformDetails": "Linux/UNIX",
                "usageOperation": "RunInstances",
                "usageOperationUpdateTime": _TIME,
                "privateDnsNameOptions": {
                    "hostnameType": "ip-name",
                    "enableResourceNameDnsARecord": "false",
                    "enableResourceNameDnsAAAARecord": "false",
                },
                "maintenanceOptions": {"autoRecovery": "default", "rebootMigration": "default"},
                "currentInstanceBootMode": "uefi",
                "networkPerformanceOptions": {"bandwidthWeighting": "default"},
                "operator": {"managed": "false"},
            }
        },
    }
)

_SUBNET = {
    "SubnetIdentifier": "subnet-0a1b2c3d4e5f60718",
    "SubnetAvailabilityZone": {"Name": "us-east-1a"},
    "SubnetOutpost": "",
    "SubnetStatus": "Active",
}

_DATABASE = xml(
    DBInstance={
        "DBInstanceIdentifier": "{name}",
        "DBInstanceClass": "db.m5.large",
        "Engine": "postgres",
        "DBInstanceStatus": "available",
        "MasterUsername": "administrator",
        "DBName": "payments",
        "Endpoint": {
            "Address": "{name}.c9akciq32.us-east-1.rds.amazonaws.com",
            "Port": 5432,
            "HostedZoneId": "Z2R2ITUGPM61AM",
        },
        "AllocatedStorage": 100,
        "InstanceCreateTime": _TIME,
        "PreferredBackupWindow": "03:00-03:30",
        "BackupRetentionPeriod": "{days}",
        "DBSecurityGroups": "",
        "VpcSecurityGroups": {
            "VpcSecurityGroupMembership": {
                "VpcSecurityGroupId": "sg-0598c7d356eba48d7",
                "Status": "active",
            }
        },
        "DBParameterGroups": {
            "DBParameterGroup": {
                "DBParameterGroupName": "default.postgres16",
                "ParameterApplyStatus": "in-sync",
            }
        },
        "AvailabilityZone": "us-east-1a",
        "DBSubnetGroup": {
            "DBSubnetGroupName": "default",
            "DBSubnetGroupDescription": "default",
            "VpcId": "vpc-0a1b2c3d4e5f60718",
            "SubnetGroupStatus": "Complete",
            "Subnets": {"Subnet": [_SUBNET, _SUBNET, _SUBNET]},
        },
        "PreferredMaintenanceWindow": "sun:05:00-sun:05:30",
        "PendingModifiedValues": "",
        "LatestRestorableTime": _TIME,
        "MultiAZ": "true",
        "EngineVersion": "16.4",
        "AutoMinorVersionUpgrade": "true",
        "ReadReplicaDBInstanceIdentifiers": "",
        "LicenseModel": "postgresql-license",
        "StorageThroughput": 0,
        "OptionGroupMemberships": {
            "OptionGroupMembership": {
                "OptionGroupName": "default:postgres-16",
                "Status": "in-sync",
            }
        },
        "PubliclyAccessible": "false",
        "StorageType": "gp3",
        "DbInstancePort": 0,
        "StorageEncrypted": "true",
        "KmsKeyId": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/d3b07384-d113-4ec6-a5b2-0242ac120002",
        "DbiResourceId": "db-{number}",
        "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "DomainMemberships": "",
        "CopyTagsToSnapshot": "true",
        "MonitoringInterval": 60,
        "DBInstanceArn": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{{name}}",
        "IAMDatabaseAuthenticationEnabled": "false",
        "PerformanceInsightsEnabled": "true",
        "DeletionProtection": "true",
        "AssociatedRoles": "",
        "TagList": {"Tag": {"Key": "Owner", "Value": "payments"}},
        "CustomerOwnedIpEnabled": "false",
        "NetworkType": "IPV4",
        "ActivityStreamStatus": "stopped",
        "BackupTarget": "region",
        "CertificateDetails": {
            "CAIdentifier": "rds-ca-rsa2048-g1",
            "ValidTill": _TIME,
        },
        "DedicatedLogVolume": "false",
        "EngineLifecycleSupport": "open-source-rds-extended-support",
    }
)
