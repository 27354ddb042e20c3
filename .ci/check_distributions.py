"""Whether the files of a release hold what they should.

    check_distributions.py SDIST WHEEL WHEEL_WITHOUT_A_COMPILER

Run in the repository: the source distribution has to hold all of its files.
"""

import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes

# What builders add, and what git reads of a checkout.
ADDED = re.compile(r"PKG-INFO|skbackprop\.egg-info/.*")


def files_of_repository():
    """Return the names of all files that belong to the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout
    return {name.decode() for name in listed.split(b"\0") if name}


def files_of_sdist(path):
    """Return the names of the files in a source distribution, without the builder's own."""
    with tarfile.open(path) as archive:
        names = [member.name.partition("/")[2] for member in archive if member.isfile()]
    return {name for name in names if not ADDED.fullmatch(name)}


def check_metadata(wheel):
    """Check that the description has absolute links, under the repository's URL."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(archive.read(name))
    urls = dict(url.split(", ") for url in metadata.get_all("Project-URL"))
    assert {"Repository", "Documentation", "Issues", "Changelog"} <= set(urls), urls
    links = re.findall(r"\]\(([^)]+)\)", metadata.get_payload())
    assert len(links) > 10 and f"{urls['Repository']}/blob/main/LICENSE" in links, links
    assert all(link.startswith("https://") for link in links), links


def check_wheel(wheel, has_kernel):
    """Check what a wheel contains, and what its name promises."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    kinds = {name.rpartition(".")[2] for name in names if name.startswith("skbackprop/")}
    assert kinds - {"so", "pyd"} == {"py", "typed", "csv", "md"}, kinds
    assert any("kernel/_kernel." in name for name in names) == has_kernel, names
    assert wheel.endswith("-py3-none-any.whl") != has_kernel, wheel
    check_metadata(wheel)


def main():
    """Check the three files that the command line names."""
    sdist, wheel, pure_wheel = sys.argv[1:]
    differ = files_of_sdist(sdist) ^ files_of_repository()
    assert not differ, f"in the repository or in the source distribution alone: {differ}"
    check_wheel(wheel, has_kernel=True)
    check_wheel(pure_wheel, has_kernel=False)
    print("the distributions hold what they should")


if __name__ == "__main__":
    main()
