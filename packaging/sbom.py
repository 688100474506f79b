"""What is linked into the program, as CycloneDX: cargo metadata on stdin, the checksums of Cargo.lock, JSON on stdout.

Needs cyclonedx-python-lib[json-validation]. The same commit gives the same bytes.
"""

import json
import os
import re
import sys
import uuid
from datetime import datetime, timezone

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot5
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

metadata = json.load(sys.stdin)
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
root = next(id for id, package in packages.items() if package["name"] == "aesearch")


def linked(id: str) -> list[str]:
    """The dependencies that end up in the program: neither of builds nor of tests, no macros of the compiler."""
    found = (dep["pkg"] for dep in nodes[id]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"]))
    return [id for id in found if all("proc-macro" not in target["kind"] for target in packages[id]["targets"])]


checksums = {}
for entry in open("Cargo.lock", encoding="utf-8").read().split("[[package]]")[1:]:
    facts = dict(re.findall(r'^(name|version|checksum) = "(.*)"$', entry, re.MULTILINE))
    checksums[facts["name"], facts["version"]] = facts.get("checksum")


def component(id: str) -> Component:
    package = packages[id]
    name, version = package["name"], package["version"]
    checksum = checksums.get((name, version))
    expression = (package["license"] or "").replace("/", " OR ") # as some old crates write it
    return Component(
        type=ComponentType.APPLICATION if id == root else ComponentType.LIBRARY,
        name=name,
        version=version,
        bom_ref=f"{name}@{version}",
        purl=PackageURL("cargo", name=name, version=version),
        description=package["description"],
        licenses=[LicenseFactory().make_from_string(expression)] if expression else [],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else [],
    )


components, waiting = {}, [root]
while waiting:
    id = waiting.pop()
    if id not in components:
        components[id] = component(id)
        waiting += linked(id)

commit = os.environ.get("AESEARCH_BUILD_COMMIT", "unknown")
bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"aesearch {packages[root]['version']} {commit}"))
bom.metadata.timestamp = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
bom.metadata.component = components[root]
for id in components:
    if id != root:
        bom.components.add(components[id])
    bom.register_dependency(components[id], [components[other] for other in linked(id)])

text = JsonV1Dot5(bom).output_as_string(indent=2)
if error := JsonStrictValidator(SchemaVersion.V1_5).validate_str(text):
    sys.exit(f"not CycloneDX 1.5: {error}")
print(text)
print(f"{len(bom.components)} packages are linked", file=sys.stderr)
