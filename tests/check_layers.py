#!/usr/bin/env python3
"""Holds the source tree to the rules of docs/architecture.md.

    check_layers.py ROOT [--libcore PATH]   exit 0: every rule holds; 1: each violation on its line
    check_layers.py --self-test             feeds small bad trees and expects their violations

A violation reads  file:line: what: why, and what to do instead.
"""
import argparse
import fnmatch
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOMS = {  # room: the rooms it may include
    "core": {"core"},
    "proto": {"core", "proto"},
    "cuda": {"core", "cuda"},
    "opencl": {"core", "opencl"},
    "health": {"core", "health"},
    "node": {"core", "proto", "cuda", "opencl", "health", "node"},
    "verifier": {"core", "proto", "verifier"},
    "tests": {"core", "proto", "cuda", "opencl", "health", "node", "verifier", "tests"},
}
TOP_FILES = {"CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE"}
TOP_FOLDERS = {"core", "proto", "node", "verifier", "cuda", "opencl", "health", "deploy", "tests", "docs"}
CODE = {".cpp", ".hpp", ".h", ".c", ".cc", ".cu", ".cuh", ".cl", ".inl"}
TEXT = CODE | {".py", ".sh", ".js", ".css", ".html", ".sql", ".proto", ".cmake", ".md", ".txt", ".yml", ".yaml"}
VENDORED = ("*/vendor/*", "*/third_party/*", "*/uPlot*")
MOST_LINES = 400

STD_BARRED_IN_CORE = {
    "thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "latch", "barrier", "stop_token",
    "iostream", "istream", "ostream", "fstream", "sstream", "spanstream", "syncstream", "streambuf", "iomanip",
    "filesystem", "random", "ctime", "csignal", "cstdio", "locale",
}
# Not the standard library's, and still allowed in core: pattern → the files that may include it.
FOREIGN_IN_CORE = {
    "tl/expected.hpp": "core/*",
    "boost/multiprecision/*": "core/*",
    "boost/math/*": "core/*",
    "sodium.h": "core/crypto/*",
    "immintrin.h": "core/*_avx512.?pp",
}
CORE_EXCEPTIONS = {("core/base/require.cpp", "cstdio")}  # its last words before it aborts

# header pattern, files that may include it, why, what to do
HEADER_HOMES = [
    ("*.pb.h", ["proto/*", "verifier/service/*", "node/verifier_link*.cpp", "tests/*"],
     "generated messages stay at the edge", "translate in proto/ and pass core's types on"),
    ("sqlite3.h", ["verifier/store/*", "tests/store/*", "tests/load/bare_rows.cpp"], "SQL lives in one place", "go through verifier::Store"),
    ("libpq-fe.h", ["verifier/store/*", "tests/store/*"], "SQL lives in one place", "go through verifier::Store"),
    ("postgresql/libpq-fe.h", ["verifier/store/*", "tests/store/*"], "SQL lives in one place",
     "go through verifier::Store"),
    ("CL/*", ["opencl/*"], "OpenCL is optional", "go through the Searcher of opencl/"),
]
HEADER_HOMES += [
    (header, ["cuda/*"], "CUDA is optional", "go through the Searcher of cuda/")
    for header in ("cuda.h", "cuda_*.h", "cuda/*.h", "nvrtc.h", "nvml.h", "device_launch_parameters.h",
                   "cooperative_groups*", "cub/*", "thrust/*")
]

MAINS = ["node/main.cpp", "verifier/main.cpp", "proto/edge/*", "tests/*"]
# pattern in code, files it is barred from, files it is allowed in, what, why, what to do
CODE_RULES = [
    (r"\b(system_clock|steady_clock|high_resolution_clock)::now\b", ["core/*"], [], "core reads a clock",
     "its results must be reproducible", "take an Instant as an argument"),
    (r"\b(random_device|mt19937(_64)?|s?rand\s*\()", ["core/*"], [], "core draws random numbers",
     "its results must be reproducible", "take the bytes as an argument"),
    (r"\bsystem_clock::now\b|\bgettimeofday\b|\bCLOCK_REALTIME\b", ["*"], MAINS, "the system clock is read here",
     "time must be replaceable in tests", "take an Instant or a Clock, handed down from main.cpp"),
    (r"\b(secure_)?getenv\b|\bsetenv\b|\benviron\b", ["*"], MAINS, "the environment is read here",
     "settings are read once, at the top", "take the value from the program's settings"),
    (r"\bargv\b", ["*"], MAINS, "command-line arguments are read here", "settings are read once, at the top",
     "take the value from the program's settings, or call what is passed to a child process `arguments`"),
    (r"\bsignal_set\b|\bsigaction\b|\bstd::signal\b|\bsigwait\b|\bsignalfd\b|\bpthread_sigmask\b", ["*"], MAINS,
     "signals are handled here", "stopping is decided in one place", "take a stop request from main.cpp"),
    (r"^\s*#\s*(el)?if.*\bVIGIL_HAVE_", ["*"], ["node/searchers.cpp"], "a feature #if",
     "optional parts are chosen in one place", "add the choice to node/searchers.cpp"),
]

# What libcore.a must not ask of the system: pattern on a demangled undefined symbol.
BARRED_SYMBOLS = re.compile(
    r"^(std::chrono::.*clock::now\(\)|std::random_device::.*|std::(this_)?thread.*|std::basic_[io]?fstream.*|"
    r"std::filesystem.*|(secure_)?getenv|fopen(64)?|freopen(64)?|open(64)?|openat(64)?|socket|connect|bind|sendto|"
    r"clock_gettime|gettimeofday|time|rand|srand|random|getrandom|getentropy|pthread_create|fork|execve|system|"
    r"RAND_bytes)(@.*)?$")


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def without_comments(text):
    """The code alone: comments and string contents blanked, lines kept."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
    digit_separator = re.compile(r"(?<=[0-9a-fA-F])'(?=[0-9a-fA-F])")

    def blank(match):
        found = match.group(0)
        return '""' + "\n" * found.count("\n") if not found.startswith("/") else " " + "\n" * found.count("\n")

    return token.sub(blank, digit_separator.sub("", text))


def files_of(root):
    for folder, folders, names in os.walk(root):
        top = pathlib.Path(folder) == root
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "__pycache__" and not (top and f == "build"))
        for name in sorted(names):
            path = pathlib.Path(folder) / name
            yield path, path.relative_to(root).as_posix()


def check_top(root, report):
    names = {entry.name for entry in root.iterdir() if not entry.name.startswith(".")} - {"build"}
    for name in sorted(names - TOP_FILES - TOP_FOLDERS):
        report(name, 1, "not a room of this house", "the top level is fixed", "put it into one of the rooms")
    for name in sorted((TOP_FILES | TOP_FOLDERS) - names):
        report(name, 1, "missing", "the top level is fixed", "add it")


def check_include(path, line, target, quoted, report):
    room = path.split("/")[0]
    first = target.split("/")[0]
    for pattern, homes, why, instead in HEADER_HOMES:
        if fnmatch.fnmatchcase(target, pattern) and not matches(path, homes):
            report(path, line, f"includes {target}", f"{why}; its place is {', '.join(homes)}", instead)
            return
    if quoted and first in ROOMS:
        if first not in ROOMS[room]:
            report(path, line, f"{room} includes {target}", f"{room} may include only {', '.join(sorted(ROOMS[room]))}",
                   "move what both need into core, or pass it in as a value or a function")
        return
    if quoted and "/" not in target:
        report(path, line, f'includes "{target}"', "a reader should see which room it is from",
               "write the path from the repository's root")
        return
    if room == "core":
        check_core_include(path, line, target, report)


def check_core_include(path, line, target, report):
    instead = "take what you need as an argument, or do it in node/ or verifier/"
    if "/" not in target and "." not in target:
        if target in STD_BARRED_IN_CORE and (path, target) not in CORE_EXCEPTIONS:
            report(path, line, f"core includes <{target}>", "core has no clock, thread, stream, file or chance", instead)
        return
    for pattern, homes in FOREIGN_IN_CORE.items():
        if fnmatch.fnmatchcase(target, pattern) and fnmatch.fnmatchcase(path, homes):
            return
    report(path, line, f"core includes {target}", "core stands on std, Boost.Multiprecision, tl::expected and libsodium",
           instead)


def check_code(path, text, report):
    include = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
    for number, line in enumerate(text.splitlines(), 1):
        found = include.match(line)
        if found:
            check_include(path, number, found.group(2), found.group(1) == '"', report)
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        for pattern, barred, allowed, what, why, instead in CODE_RULES:
            if matches(path, barred) and not matches(path, allowed) and re.search(pattern, line):
                report(path, number, what, why, instead)


def check_tree(root):
    violations = []

    def report(path, line, what, why, instead):
        violations.append(f"{path}:{line}: {what}: {why}; {instead}")

    check_top(root, report)
    for file, path in files_of(root):
        if file.suffix not in TEXT or matches("/" + path, VENDORED):
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        lines = text.count("\n")
        if lines > MOST_LINES:
            report(path, lines, f"{lines} lines", f"a file has at most {MOST_LINES}", "split it by what it is about")
        if file.suffix in CODE and path.split("/")[0] in ROOMS:
            check_code(path, text, report)
    return violations


def check_symbols(names, library):
    return [f"{library}:1: libcore.a asks for {name}: core has no clock, thread, file, socket, environment or chance; "
            "take what you need as an argument"
            for name in sorted(set(names)) if BARRED_SYMBOLS.match(name)]


def check_library(library):
    listing = subprocess.run(["nm", "-C", "--undefined-only", library], capture_output=True, text=True, check=True)
    names = [line.split(maxsplit=1)[1] for line in listing.stdout.splitlines() if re.match(r"^\s+[Uwv] ", line)]
    if not names:
        return [f"{library}:1: no undefined symbols at all: nm has not read a library; build core first"]
    return check_symbols(names, library)


GOOD_TREE = {
    "core/base/require.cpp": '#include "core/base/require.hpp"\n#include <cstdio>\n',
    "core/work/estimate.cpp": "#include <boost/multiprecision/cpp_int.hpp>\n// system_clock::now is not read\n"
                              "const int big = 1'000; const char* s = \"getenv\";\n",
    "node/main.cpp": "int main(int argc, char** argv) { std::getenv(argv[0]); system_clock::now(); }\n",
    "node/searchers.cpp": "#if VIGIL_HAVE_CUDA\n#include \"cuda/cuda_searcher.hpp\"\n#endif\n",
    "node/verifier_link.cpp": '#include "vigil/v1/node.grpc.pb.h"\n',
    "proto/edge/environment.cpp": "auto v = std::getenv(name);\n",
    "verifier/store/sqlite_store.cpp": "#include <sqlite3.h>\n",
    "verifier/web/vendor/uPlot.js": "x\n" * 500,
    "tests/core/a_test.cpp": "#include <thread>\nstd::random_device d;\n",
}
# A file and its text, and what a violation of it must say.
BAD_FILES = [
    ("core/a.cpp", "#include <thread>\n", "core/a.cpp:1: core includes <thread>"),
    ("core/a.hpp", "\n#include <fstream>\n", "core/a.hpp:2: core includes <fstream>"),
    ("core/a.cpp", "#include <cstdio>\n", "core includes <cstdio>"),
    ("core/a.cpp", "#include <sys/socket.h>\n", "core includes sys/socket.h"),
    ("core/a.cpp", "#include <fmt/format.h>\n", "core includes fmt/format.h"),
    ("core/work/a.cpp", "#include <openssl/evp.h>\n", "core includes openssl/evp.h"),
    ("core/a.cpp", "#include <openssl/rand.h>\n", "core includes openssl/rand.h"),
    ("core/a.cpp", '#include "node/agent.hpp"\n', "core includes node/agent.hpp"),
    ("core/a.cpp", "auto t = std::chrono::steady_clock::now();\n", "core reads a clock"),
    ("core/a.cpp", "std::random_device d;\n", "core draws random numbers"),
    ("core/a.cpp", "auto h = std::getenv(\"HOME\");\n", "the environment is read here"),
    ("proto/a.cpp", '#include "verifier/config.hpp"\n', "proto includes verifier/config.hpp"),
    ("cuda/a.cu", '#include "proto/wire.hpp"\n', "cuda includes proto/wire.hpp"),
    ("opencl/a.cpp", '#include "cuda/a.hpp"\n', "opencl includes cuda/a.hpp"),
    ("health/a.cpp", '#include "node/board.hpp"\n', "health includes node/board.hpp"),
    ("node/a.cpp", '#include "verifier/config.hpp"\n', "node includes verifier/config.hpp"),
    ("verifier/a.cpp", '#include "node/agent.hpp"\n', "verifier includes node/agent.hpp"),
    ("verifier/a.cpp", '#include "config.hpp"\n', 'includes "config.hpp"'),
    ("node/agent.cpp", '#include "vigil/v1/node.pb.h"\n', "includes vigil/v1/node.pb.h"),
    ("verifier/a.cpp", "#include <vigil/v1/node.grpc.pb.h>\n", "includes vigil/v1/node.grpc.pb.h"),
    ("verifier/a.cpp", "#include <sqlite3.h>\n", "includes sqlite3.h"),
    ("verifier/service/a.cpp", "#include <libpq-fe.h>\n", "includes libpq-fe.h"),
    ("node/a.cpp", "#include <cuda_runtime.h>\n", "includes cuda_runtime.h"),
    ("node/a.cpp", "#include <CL/cl.h>\n", "includes CL/cl.h"),
    ("node/a.cpp", "#if VIGIL_HAVE_CUDA\n#endif\n", "a feature #if"),
    ("node/a.cpp", "  # if defined(VIGIL_HAVE_OPENCL)\n#endif\n", "a feature #if"),
    ("verifier/a.cpp", "auto t = std::chrono::system_clock::now();\n", "the system clock is read here"),
    ("verifier/a.cpp", "void f(char** argv);\n", "command-line arguments are read here"),
    ("node/a.cpp", "boost::asio::signal_set s;\n", "signals are handled here"),
    ("docs/long.md", "x\n" * 401, "docs/long.md:401: 401 lines"),
    ("utils/a.cpp", "", "utils:1: not a room of this house"),
    ("notes.txt", "", "notes.txt:1: not a room of this house"),
]
BAD_SYMBOLS = ["std::chrono::_V2::system_clock::now()", "std::random_device::_M_getval()", "getenv", "fopen", "socket",
               "getenv@GLIBC_2.2.5"]
GOOD_SYMBOLS = ["std::__throw_out_of_range_fmt(char const*, ...)", "fprintf", "abort", "EVP_DigestSign", "memcpy"]


def violations_of(files):
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for top in TOP_FOLDERS:
            (root / top).mkdir()
        for top in TOP_FILES:
            (root / top).touch()
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return check_tree(root)


def self_test():
    failures = [f"a good tree was refused: {v}" for v in violations_of(GOOD_TREE)]
    for path, text, expected in BAD_FILES:
        violations = violations_of({path: text})
        if not any(expected in violation for violation in violations):
            failures.append(f"{path} with {text[:60]!r} gave {violations}, not {expected!r}")
    with tempfile.TemporaryDirectory() as name:
        if not any("README.md:1: missing" in violation for violation in check_tree(pathlib.Path(name))):
            failures.append("an empty tree was accepted")
    failures += [f"symbol {s} was accepted" for s in BAD_SYMBOLS if not check_symbols([s], "libcore.a")]
    failures += [f"symbol {s} was refused" for s in GOOD_SYMBOLS if check_symbols([s], "libcore.a")]
    return failures


def main():
    parser = argparse.ArgumentParser(description="Holds the source tree to docs/architecture.md.")
    parser.add_argument("root", nargs="?", type=pathlib.Path, help="the repository")
    parser.add_argument("--libcore", help="libcore.a, to be searched for what core must not ask of the system")
    parser.add_argument("--self-test", action="store_true", help="test the rules on small bad trees")
    arguments = parser.parse_args()
    if arguments.self_test:
        violations = self_test()
    elif arguments.root:
        violations = check_tree(arguments.root.resolve())
        if arguments.libcore:
            violations += check_library(arguments.libcore)
    else:
        parser.error("name the repository, or say --self-test")
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
