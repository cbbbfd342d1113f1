"""A terminal to run the programs on: a shell in a tmux of its own, without anybody's settings."""
import os
import shlex
import shutil
import subprocess

import lab as it

PROMPT = "ready> "


class Terminal:
    def __init__(self, lab, width=110, height=30, environment=None):
        if not shutil.which("tmux"):
            raise it.Skip("tmux is not here; deploy/install-deps --tests installs it")
        self.socket = lab.place / f"tmux-{len(lab.processes)}-{os.urandom(4).hex()}"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("VIGIL_", "TMUX"))}
        clean.update({"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"})
        for name in ("NO_COLOR", "PROMPT_COMMAND"):
            clean.pop(name, None)
        clean.update(environment or {})
        clean["PS1"] = PROMPT
        self.environment = clean
        lab.leaving.callback(self.end)
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "it", "-x", width, "-y", height,
                  "-c", lab.place, f"ulimit -c 0; PS1='{PROMPT}' exec bash --norc --noprofile -i")
        self.wait("the shell", lambda: self.screen().rstrip().endswith(PROMPT.strip()))

    def tmux(self, *words):
        done = subprocess.run(["tmux", "-S", self.socket, *map(str, words)], capture_output=True, text=True,
                              env=self.environment, timeout=20, check=False)
        it.check(done.returncode == 0, f"tmux {words}: {done.stderr}")
        return done.stdout

    def end(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True, timeout=20, check=False)

    def wait(self, what, condition, seconds=20):
        try:
            return it.wait_for(what, condition, seconds, every=0.1)
        except it.Failed as failure:
            raise it.Failed(f"{failure}; the terminal shows\n{self.everything()}") from None

    def screen(self, *flags):
        return self.tmux("capture-pane", "-p", *flags)

    def everything(self):
        """With what has scrolled away."""
        return self.screen("-S", "-2000")

    def resize(self, width, height=30):
        self.tmux("resize-window", "-x", width, "-y", height)

    def keys(self, *names):
        self.tmux("send-keys", *names)

    def clear(self):
        """Everything before is forgotten."""
        self.tmux("send-keys", "-R")
        self.tmux("clear-history")

    def type(self, *words):
        """A command line, and Enter."""
        self.tmux("send-keys", "-l", shlex.join(map(str, words)) if len(words) > 1 else words[0])
        self.keys("Enter")

    def shell(self, line, seconds=20):
        """What a command prints, once the prompt is back."""
        self.clear()
        self.type(f"{line}; echo end-of-it")
        self.wait(f"the end of {line}", lambda: "\nend-of-it\n" in self.everything(), seconds)
        text = self.everything()
        return text[text.index("\n") + 1:text.index("end-of-it\n", text.index("\n"))]

    def takes_lines(self):
        """The mode of the terminal is the shell's again."""
        words = self.shell("stty -a").split()
        return "icanon" in words and "echo" in words and "ixon" in words
