#!/usr/bin/env python3
"""Holds what people read to what the programs do.

Every error code of the sources stands once in the table of docs/troubleshooting.md, and no other; every relative link leads to
a file and a heading; every picture is shown by a page; and, when the programs are given, every
command that a page or a message of theirs tells people to type is known to their --help, with its
flags.
"""
import argparse
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

SOURCES = ("core", "cuda", "health", "node", "opencl", "proto", "verifier")
TABLE = "docs/troubleshooting.md"
SOURCE_ENDINGS = {".cpp", ".hpp", ".cu", ".cuh", ".proto", ".cmake"}
CODE = re.compile(r"\bE-[A-Z]+(?:-[A-Z]+)*\b")
PROGRAMS = ("vigil-node", "vigil-verifier")
OPERATORS = {"|", "||", "&&", ";", "&", ">", ">>", "<", "do", "then", "(", "$("}
PREFIXES = {"sudo", "exec", "time"}


def pages(root):
    found = [root / "README.md", root / "deploy" / "README.md", root / "tests" / "README.md"]
    found += sorted((root / "docs").rglob("*.md"))
    return [page for page in found if page.is_file()]


def codes_in_sources(root):
    where = {}
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in SOURCE_ENDINGS or not path.is_file():
                continue
            for code in CODE.findall(path.read_text(encoding="utf-8")):
                where.setdefault(code, path.relative_to(root))
    return where


def codes_in_table(page):
    """In order, so that one with two rows is found."""
    return [code for line in page.splitlines() if line.startswith("| E-") for code in CODE.findall(line.split("|")[1])]


def check_codes(root):
    used = codes_in_sources(root)
    listed = codes_in_table((root / TABLE).read_text(encoding="utf-8"))
    wrong = [f"{TABLE}: no row for {code}, which {path} uses" for code, path in sorted(used.items())
             if code not in listed]
    wrong += [f"{TABLE}: a row for {code}, which no source uses" for code in sorted(set(listed) - set(used))]
    return wrong + [f"{TABLE}: more than one row for {code}" for code in sorted(set(listed)) if listed.count(code) > 1]


def anchors(text):
    """The names that headings get on the pages that show Markdown."""
    names, fenced = set(), False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced and line.startswith("#"):
            heading = re.sub(r"[`*]", "", line.lstrip("#").strip()).lower()
            names.add(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-"))
    return names


def targets(page):
    return re.findall(r"\]\(([^)\s]+)\)", without_fences(page.read_text(encoding="utf-8")))


def check_pictures(root):
    shown = {(page.parent / target).resolve() for page in pages(root) for target in targets(page)}
    return [f"{path.relative_to(root)}: no page shows this picture"
            for path in sorted((root / "docs").rglob("*")) if path.suffix in (".png", ".jpg") and path not in shown]


def check_links(root, page):
    wrong = []
    for target in targets(page):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists():
            wrong.append(f"{page.relative_to(root)}: the link {target} leads nowhere")
        elif anchor and anchor not in anchors(path.read_text(encoding="utf-8")):
            wrong.append(f"{page.relative_to(root)}: {name or 'the page'} has no heading for #{anchor}")
    return wrong


def without_fences(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def snippets(text):
    """What stands in fences, line by line, and between backticks."""
    for block in re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()
    yield from re.findall(r"`([^`\n]+)`", without_fences(text))


STRING = r'"(?:[^"\\\n]|\\.)*"'


def strings(text):
    """String literals of a source, neighbours joined as the compiler joins them."""
    for joined in re.findall(rf"{STRING}(?:\s+{STRING})*", text):
        whole = "".join(literal[1:-1] for literal in re.findall(STRING, joined))
        yield from whole.replace('\\"', '"').replace("\\n", "\n").splitlines()


def words_of(line):
    line = re.sub(r"(^|\s)#.*$", "", line)
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.wordchars += "…:,@%+={}[]!^$*?"
        return list(lexer)
    except ValueError:  # an apostrophe of a sentence
        return line.split()


class Helps:
    """What --help of a program and its commands names, asked once each."""

    def __init__(self, programs):
        self.programs, self.known = programs, {}

    def text(self, program, commands):
        key = (program, *commands)
        if key not in self.known:
            ran = subprocess.run([self.programs[program], *commands, "--help"], capture_output=True,
                                 text=True, timeout=30, check=False)
            self.known[key] = ran.stdout if ran.returncode == 0 else ""
        return self.known[key]

    def commands(self, program, given=()):
        listed = re.search(r"^Subcommands:\n((?:  .*\n?)+)", self.text(program, given), flags=re.MULTILINE)
        return set(re.findall(r"^  ([a-z][a-z-]*)", listed.group(1), flags=re.MULTILINE)) if listed else set()


def calls(words):
    """(program, its words, whether it stands where a command begins) for each in the line."""
    for i, word in enumerate(words):
        program = word.rsplit("/", 1)[-1]
        if program not in PROGRAMS:
            continue
        before = i
        while before > 0 and (words[before - 1] in PREFIXES or re.match(r"[A-Z_]+=", words[before - 1])):
            before -= 1
        rest = []
        for following in words[i + 1:]:
            if following in OPERATORS or set(following) <= set("|&;<>()"):
                break
            rest.append(following)
        yield program, rest, before == 0 or words[before - 1] in OPERATORS


def check_call(helps, program, words, in_front):
    given = []
    while len(given) < len(words) and words[len(given)] in helps.commands(program, tuple(given)):
        given.append(words[len(given)])
    if not given and not (in_front and words):
        return []  # the name of a unit or an image, or the program itself
    if not given and not words[0].startswith("-"):
        return [f"{program} has no command {words[0]}"]
    text = helps.text(program, tuple(given))
    flags = [match.group() for word in words[len(given):] if (match := re.match(r"--?[A-Za-z][\w-]*", word))]
    return [f"{' '.join([program, *given])} has no flag {flag}" for flag in flags
            if flag != "--help" and not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text)]


def check_commands(root, page, helps):
    return [f"{page.relative_to(root)}: {complaint}: {line.strip()}"
            for line in snippets(page.read_text(encoding="utf-8"))
            for program, words, in_front in calls(words_of(line))
            for complaint in check_call(helps, program, words, in_front)]


def check_sources(root, helps):
    """What messages and pages of the programs tell people to type."""
    return [f"{path.relative_to(root)}: {complaint}: {line.strip()}"
            for folder in SOURCES for path in sorted((root / folder).rglob("*.cpp"))
            for line in strings(path.read_text(encoding="utf-8"))
            for program, words, _ in calls(line.split())
            for complaint in check_call(helps, program, words, False)]


def check_tree(root, programs):
    wrong = check_codes(root) + check_pictures(root)
    helps = Helps(programs)
    if programs:
        wrong += check_sources(root, helps)
    for page in pages(root):
        wrong += check_links(root, page)
        if programs:
            wrong += check_commands(root, page, helps)
    return wrong


FAKE = """#!/bin/sh
case "$1" in
    run) echo "Options:\\n  --verifier host\\n  -o,--output format" ;;
    policy) if [ "$2" = lint ]; then echo "Options:\\n  -h"; else echo "Subcommands:\\n  lint  look"; fi ;;
    --help) echo "Options:\\n  --version\\nSubcommands:\\n  run     go\\n  policy  read" ;;
    *) exit 2 ;;
esac
"""
GOOD_PAGE = """# A page
[itself](#a-page) [outside](https://example.org/x#y) [code](../node/a.cpp)
Look at `vigil-node run`, `vigil-node`, `journalctl -u vigil-node -n 50` and `E-GOOD`.
```sh
sudo VIGIL_DUTY=5 build/x/vigil-node run --verifier a:1 -o json | head -3   # --no-flag
docker run --rm --gpus all vigil-node run \\
    --verifier a:1
vigil-node policy lint mine.toml && vigil-node --version
```
| E-GOOD, E-TWO-WORDS | what | do |
"""
GOOD_SOURCE = '"E-GOOD", "E-TWO-WORDS", "1E-5: start vigil-node run --verifier"\n  " x; vigil-node is here"'
BAD_PAGES = [
    (GOOD_PAGE.replace("E-GOOD, ", ""), "no row for E-GOOD, which node/a.cpp uses"),
    (GOOD_PAGE + "| E-OLD | what | do |\n", "a row for E-OLD, which no source uses"),
    (GOOD_PAGE + "| E-GOOD | what | do |\n", "more than one row for E-GOOD"),
    (GOOD_PAGE + "[x](docs/none.md)\n", "the link docs/none.md leads nowhere"),
    (GOOD_PAGE + "[x](#none)\n", "no heading for #none"),
    (GOOD_PAGE + "`vigil-node walk`\n", "vigil-node has no command walk"),
    (GOOD_PAGE + "`vigil-node run --verifer a:1`\n", "vigil-node run has no flag --verifer"),
    (GOOD_PAGE + "`vigil-node run --verif a:1`\n", "vigil-node run has no flag --verif"),
    (GOOD_PAGE + "```sh\ntrue && vigil-node policy lint --json\n```\n", "vigil-node policy lint has no flag --json"),
]


def violations_of(page, source=GOOD_SOURCE):
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        (root / "node").mkdir()
        (root / "node" / "a.cpp").write_text(source, encoding="utf-8")
        (root / "docs").mkdir()
        (root / TABLE).write_text(page, encoding="utf-8")
        fake = root / "fake"
        fake.write_text(FAKE, encoding="utf-8")
        fake.chmod(0o755)
        return check_tree(root, {"vigil-node": str(fake)})


def self_test():
    failures = [f"a good page was refused: {violation}" for violation in violations_of(GOOD_PAGE)]
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name).resolve()
        (root / "docs").mkdir()
        (root / "docs" / "a.png").touch()
        if not check_pictures(root):
            failures.append("a picture that no page shows was accepted")
    bad_source = GOOD_SOURCE + '; "vigil-node run "\n"--wait"'
    for page, source, expected in [(page, GOOD_SOURCE, expected) for page, expected in BAD_PAGES] + [
            (GOOD_PAGE, bad_source, "node/a.cpp: vigil-node run has no flag --wait")]:
        found = violations_of(page, source)
        if len(found) != 1 or expected not in found[0]:
            failures.append(f"expected {expected!r}, found {found}")
    return failures


def main():
    parser = argparse.ArgumentParser(description="Holds README.md, docs/ and deploy/README.md to the programs.")
    parser.add_argument("root", nargs="?", type=pathlib.Path, help="the repository")
    parser.add_argument("--node", help="vigil-node, to be asked for its commands and flags")
    parser.add_argument("--verifier", help="vigil-verifier, the same")
    parser.add_argument("--self-test", action="store_true", help="test the rules on small bad pages")
    arguments = parser.parse_args()
    if arguments.self_test:
        violations = self_test()
    elif arguments.root:
        given = {"vigil-node": arguments.node, "vigil-verifier": arguments.verifier}
        if bool(arguments.node) != bool(arguments.verifier):
            parser.error("give both programs, or none")
        violations = check_tree(arguments.root.resolve(), given if arguments.node else {})
    else:
        parser.error("name the repository, or say --self-test")
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
