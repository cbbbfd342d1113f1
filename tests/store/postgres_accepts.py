#!/usr/bin/env python3
"""One SQL: a private PostgreSQL takes the schema and prepares every statement of the store as is.

Exit code 77 (skipped) where PostgreSQL is not installed.
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

SQLITE_ONLY = re.compile(r"^(PRAGMA|BEGIN|COMMIT)|sqlite_master|julianday")
CALL = re.compile(r'(?:run|execute|execute_many|change|read_number|number_of)\(([^";]*?)((?:\s*"[^"]*")+)')


def statements(store):
    sources = glob.glob(store + "/sql/*.cpp") + glob.glob(store + "/postgres/*.cpp")
    for name in sorted(sources):
        with open(name, encoding="utf-8") as file:
            for call in CALL.finditer(file.read()):
                sql = "".join(re.findall(r'"([^"]*)"', call.group(2)))
                if not SQLITE_ONLY.search(sql):
                    yield sql


def main():
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin")) or [
        os.path.dirname(shutil.which("initdb") or "")
    ]
    bin_folder = programs[-1]
    if not bin_folder or not shutil.which("psql"):
        print("SKIPPED: PostgreSQL is not installed")
        return 77
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    store = os.path.join(root, "verifier", "store")
    script = ""
    for step in sorted(glob.glob(store + "/schema/*.sql")):
        with open(step, encoding="utf-8") as file:
            script += file.read()
    prepared = list(statements(store))
    script += "".join(f"PREPARE s{i} AS {sql};\n" for i, sql in enumerate(prepared))
    if len(prepared) < 60:
        print(f"found only {len(prepared)} statements: the pattern no longer fits the sources")
        return 1

    # PostgreSQL refuses to run as root.
    user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="vigil-pg-") as folder:
        if user:
            shutil.chown(folder, **user)
        data = os.path.join(folder, "data")
        options = f"-k {folder} -c listen_addresses= -c fsync=off"

        def run(*command, **more):
            return subprocess.run(command, cwd=folder, check=True, timeout=60, **user, **more)

        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        run(f"{bin_folder}/initdb", "-D", data, "-A", "trust", "-U", "vigil", **quiet)
        run(f"{bin_folder}/pg_ctl", "-D", data, "-o", options, "-w", "start", **quiet)
        try:
            run("psql", "-q", "-h", folder, "-U", "vigil", "-v", "ON_ERROR_STOP=1", "postgres",
                input=script.encode())
        except subprocess.CalledProcessError:
            return 1
        finally:
            run(f"{bin_folder}/pg_ctl", "-D", data, "-m", "immediate", "stop", **quiet)
    print(f"PostgreSQL took the schema and {len(prepared)} statements")
    return 0


if __name__ == "__main__":
    sys.exit(main())
