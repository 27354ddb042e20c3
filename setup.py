"""What pyproject.toml cannot say: debugging information, tags of wheels, README's links."""

import os
import re
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent


class BuildKernel(build_ext):
    """Compile without debugging information, and forget a kernel that could not be compiled."""

    def build_extension(self, ext):
        # Debugging information, which Python's own options ask for, takes a quarter of the
        # time and four fifths of the kernel's size. CFLAGS=-g brings it back.
        is_unix = self.compiler.compiler_type == "unix"
        if is_unix and "-g" not in os.environ.get("CFLAGS", "").split():
            ext.extra_compile_args.append("-g0")
        super().build_extension(ext)

    def run(self):
        super().run()
        self.distribution.ext_modules = [
            each for each in self.extensions if Path(self.get_ext_fullpath(each.name)).exists()
        ]


class TaggedWheel(bdist_wheel):
    """Tag a wheel by what it contains, and not by what was to be compiled.

    Otherwise pip's cache takes a wheel without the kernel for one that has it.
    """

    def run_command(self, command):
        super().run_command(command)
        if command == "build":
            self.root_is_pure = not self.distribution.has_ext_modules()


def read_me():
    """Return README.md with absolute links, as package indexes need them."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    repository = re.search(r'^Repository = "(.+)"$', project, flags=re.M)[1]
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = re.sub(r"(!\[[^]]*\]\()(?!https?:)", rf"\1{repository}/raw/main/", text)
    return re.sub(r"(?<!!)(\[[^]]*\]\()(?!https?:|#)", rf"\1{repository}/blob/main/", text)


setup(
    long_description=read_me(),
    long_description_content_type="text/markdown",
    cmdclass={"build_ext": BuildKernel, "bdist_wheel": TaggedWheel},
)
