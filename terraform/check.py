"""Checks a folder of Terraform without Terraform: that it can be read, that all references resolve, that everything has
the tags that are demanded, and that nothing is public or unencrypted.

Usage: check.py FOLDER

Wants python-hcl2 8. It knows nothing of AWS: whether an argument exists, only `terraform validate` can tell.
"""

import re
import sys
from pathlib import Path

import hcl2

TAGS = {"project", "environment", "owner", "managed_by"}
REFERENCE = re.compile(r"(?<![\w.\"/])((?:data\.)?(?:var|local|aws_[a-z0-9_]+)\.[a-z0-9_]+)")
# The arguments that a resource of a kind must set, and their values.
DEMANDED = {
    "aws_db_instance": {
        "publicly_accessible": False,
        "storage_encrypted": True,
        "deletion_protection": True,
        "skip_final_snapshot": False,
        "manage_master_user_password": True,
        "multi_az": True,
    },
    "aws_efs_file_system": {"encrypted": True},
    "aws_kms_key": {"enable_key_rotation": True},
    "aws_s3_bucket_public_access_block": {
        "block_public_acls": True,
        "block_public_policy": True,
        "ignore_public_acls": True,
        "restrict_public_buckets": True,
    },
}
IN_CLUSTER = {"endpoint_public_access": False, "endpoint_private_access": True}
# Resources that every bucket must have one of each.
OF_BUCKETS = [
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
]


def plain(value):
    """A value without the reader's own members, and texts without their quotes."""
    if isinstance(value, dict):
        return {plain(name): plain(inner) for name, inner in value.items() if not name.startswith("__")}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def texts(value):
    """Every text in a value."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


class Folder:
    """The declarations in the files of a folder, by address."""

    def __init__(self, path):
        self.files = [plain(hcl2.loads(file.read_text())) for file in sorted(path.glob("*.tf"))]
        self.things = {}
        for file in self.files:
            for kind, prefix in (("resource", ""), ("data", "data.")):
                for block in file.get(kind, []):
                    for type_, named in block.items():
                        for name, body in named.items():
                            self.things[f"{prefix}{type_}.{name}"] = body
            for block in file.get("variable", []):
                for name, body in block.items():
                    self.things[f"var.{name}"] = body

    def of(self, type_):
        return {address: body for address, body in self.things.items() if address.split(".")[0] == type_}


def references(folder):
    """References to what is not there, and variables that nothing refers to."""
    used = set()
    for file in folder.files:
        for text in texts(file):
            if "${" in text:
                used.update(REFERENCE.findall(text))
    for reference in sorted(used - folder.things.keys()):
        yield f"{reference} is nowhere"
    for address in sorted(folder.things.keys() - used):
        if address.startswith("var."):
            yield f"{address} is used nowhere"


def described(folder):
    """Variables and outputs without a description."""
    outputs = {f"output.{name}": body for file in folder.files for block in file.get("output", []) for name, body in block.items()}
    variables = {address: body for address, body in folder.things.items() if address.startswith("var.")}
    for address, body in {**outputs, **variables}.items():
        if not body.get("description"):
            yield f"{address} has no description"


def tagged(folder):
    """Tags that the provider does not give to everything."""
    given = {
        name
        for file in folder.files
        for block in file.get("provider", [])
        for provider in block.values()
        for tags in provider.get("default_tags", [])
        for name in tags["tags"]
    }
    for name in sorted(TAGS - given):
        yield f"the tag {name} is missing in default_tags"


def closed(folder):
    """Resources that are public or not encrypted."""
    for type_, demanded in DEMANDED.items():
        for address, body in folder.of(type_).items():
            for name, value in demanded.items():
                if body.get(name) is not value:
                    yield f"{address}: {name} must be {value}: it would be public, not encrypted or lost"
    for address, body in folder.of("aws_eks_cluster").items():
        for name, value in IN_CLUSTER.items():
            if body["vpc_config"][0].get(name) is not value:
                yield f"{address}: {name} must be {value}: its API would be public"
        if "encryption_config" not in body:
            yield f"{address}: its secrets are not encrypted"
    for address in folder.of("aws_s3_bucket"):
        for type_ in OF_BUCKETS:
            if not any(address in body["bucket"] for body in folder.of(type_).values()):
                yield f"{address} has no {type_}"
    for address, body in folder.things.items():
        if any(text in ("0.0.0.0/0", "::/0") for text in texts(body)):
            yield f"{address} is open to the whole internet: public"
        if re.search(r"AKIA[0-9A-Z]{16}", " ".join(texts(body))) or "password" in body:
            yield f"{address} holds a secret"
        for statement in body.get("statement", []):
            everyone = any("*" in one["identifiers"] for one in statement.get("principals", []))
            if everyone and statement.get("effect") != "Deny":
                yield f"{address} allows everybody: public"


def main():
    folder = Folder(Path(sys.argv[1]))
    found = [line for check in (references, described, tagged, closed) for line in check(folder)]
    print("\n".join(found) or f"{len(folder.things)} things, and nothing wrong with them")
    return 1 if found else 0


sys.exit(main())
