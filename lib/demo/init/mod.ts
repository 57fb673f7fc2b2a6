/**
 * The starter that `init` writes: a commented configuration, and a KWD and a TTS in Python's standard library for people
 * to grow into theirs. The templates are real files, embedded as text. Spec: §3; CONTRACT §5.
 */
import starter from "./loader.yaml" with { type: "text" };
import starterFromDemo from "./loader_from_demo.yaml" with { type: "text" };
import kwdService from "./kwd_service.py" with { type: "text" };
import ttsService from "./tts_service.py" with { type: "text" };

/** One file to write; `path` is relative to the folder in which `init` runs, `mode` as chmod takes it. */
export interface StarterFile {
  path: string;
  text: string;
  mode: number;
}

/** The starter's files; with `fromDemo` all four services are active, STT and LLM being the program's stand-ins. */
export function files({ fromDemo }: { fromDemo: boolean }): StarterFile[] {
  return [
    { path: "config/loader.yaml", text: fromDemo ? starterFromDemo : starter, mode: 0o644 },
    { path: "services/kwd_service.py", text: kwdService, mode: 0o755 },
    { path: "services/tts_service.py", text: ttsService, mode: 0o755 },
  ];
}
