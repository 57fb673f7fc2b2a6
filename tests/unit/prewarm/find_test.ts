import assert from "node:assert/strict";
import { findModelFiles } from "../../../lib/prewarm/mod.ts";
import { Walk } from "../../../lib/prewarm/model_file_search.ts";
import type { ServicePlan } from "../../../lib/model/plan.ts";
import { fileTree } from "../../../lib/sys/files/file_tree.ts";
import { preparedService, TestFolder } from "./support.ts";

const signal = new AbortController().signal;

/** What is found, relative to the folder, in the order in which it would be read. */
async function found(
  folder: TestFolder,
  changes: Partial<ServicePlan>,
  o: { globs?: string[]; env?: Record<string, string> } = {},
) {
  const { files, problems } = await findModelFiles(preparedService(changes, o.globs), {
    tree: fileTree,
    signal,
    env: o.env ?? {},
    home: `${folder.dir}/home`,
  });
  return { names: files.map(({ path }) => path.replace(`${folder.dir}/`, "")), problems };
}

const engine = (backend: string | null, model: string | null, server: string | null = null) => ({
  engine: { backend, server, model },
});

Deno.test("findModelFiles() takes tokenizers first, then models, the largest first", async () => {
  using folder = new TestFolder();
  folder.put("m/small.gguf", 10);
  folder.put("m/large.gguf", 30);
  folder.put("m/deep/er/middle.onnx", 20);
  folder.put("m/tokenizer.json", 40);
  folder.put("m/vocab.txt", 5);
  folder.put("m/README.md", 500);
  const { names, problems } = await found(folder, { argv: ["serve", `${folder.dir}/m/`] });
  assert.deepEqual(names, [
    "m/vocab.txt",
    "m/tokenizer.json",
    "m/large.gguf",
    "m/deep/er/middle.onnx",
    "m/small.gguf",
  ]);
  assert.deepEqual(problems, []);
});

Deno.test("findModelFiles() reads paths out of arguments, options and ALEXA_ variables", async () => {
  using folder = new TestFolder();
  for (const name of ["a.gguf", "b b%20.onnx", "c.safetensors", "d.pt", "e.tflite", "other.gguf"]) {
    folder.put(name);
  }
  folder.put("b b%20.onnx.json");
  const { names } = await found(folder, {
    workdir: `${folder.dir}/work`,
    argv: ["serve", "-m", "../a.gguf", `--voice-file=${folder.dir}/b b%20.onnx`, "http://127.0.0.1/x.gguf"],
    env: {
      ALEXA_MODEL: `${folder.dir}/c.safetensors`,
      ALEXA_EXTRA: "~/../d.pt",
      UNRELATED: `${folder.dir}/e.tflite`,
    },
  });
  assert.deepEqual(names.sort(), ["a.gguf", "b b%20.onnx", "b b%20.onnx.json", "c.safetensors", "d.pt"]);
});

Deno.test("findModelFiles() takes all parts of a model that is split", async () => {
  using folder = new TestFolder();
  for (let i = 1; i <= 3; i++) folder.put(`big-0000${i}-of-00003.gguf`);
  const { names } = await found(folder, { argv: ["serve", `${folder.dir}/big-00001-of-00003.gguf`] });
  assert.equal(names.length, 3);
});

Deno.test("findModelFiles() expands patterns, and names the one that matches nothing", async () => {
  using folder = new TestFolder();
  for (const name of ["x/one.dat", "x/two.bin", "x/y/z/three.gguf", "x/.hidden/four.gguf"]) folder.put(name);
  const { names, problems } = await found(folder, {}, {
    globs: [
      `${folder.dir}/x/*.{dat,bin}`,
      `${folder.dir}/**/t[a-i]ree.ggu?`,
      `${folder.dir}/none/*.gguf`,
      `${folder.dir}/x/[z-a].bin`,
    ],
  });
  assert.deepEqual(names.sort(), ["x/one.dat", "x/two.bin", "x/y/z/three.gguf"]);
  assert.deepEqual(problems, [
    `no file matches ${folder.dir}/none/*.gguf`,
    `no file matches ${folder.dir}/x/[z-a].bin`,
  ]);
});

Deno.test("R9: findModelFiles() comes back from a pattern of many stars and a name that nearly matches", async () => {
  using folder = new TestFolder();
  folder.put(`${"a".repeat(200)}.gguf`);
  folder.put("model-q4_k-00001.gguf");
  const globs = [`${"*a".repeat(20)}*b`, "m*-*q[!5]*_k**.g?uf", "*.gguf*", "*q4*q4*"].map((glob) =>
    `${folder.dir}/${glob}`
  );
  const { names, problems } = await found(folder, {}, { globs: globs.slice(0, 2) });
  assert.deepEqual(names, ["model-q4_k-00001.gguf"]);
  assert.deepEqual(problems, [`no file matches ${globs[0]}`]);
  const more = await found(folder, {}, { globs: globs.slice(2) });
  assert.equal(more.names.length, 2);
  assert.deepEqual(more.problems, [`no file matches ${globs[3]}`]);
});

Deno.test("findModelFiles() follows links to files, counts each file once, and does not run in circles", async () => {
  using folder = new TestFolder();
  const file = folder.put("elsewhere/real.gguf");
  folder.link("m/one.gguf", file);
  folder.link("m/two.gguf", file);
  folder.link("m/round", `${folder.dir}/m`);
  folder.link("m/up", folder.dir);
  folder.link("m/broken.gguf", `${folder.dir}/not_there`);
  folder.link("m/self.gguf", `${folder.dir}/m/self.gguf`);
  const { names } = await found(folder, { argv: ["serve", `${folder.dir}/m`] }, {
    globs: [`${folder.dir}/m/**/*.gguf`],
  });
  assert.deepEqual(names, ["m/one.gguf"]);
});

Deno.test("findModelFiles() walks neither a home nor the folder that a service works in", async () => {
  using folder = new TestFolder();
  folder.put("home/model.gguf");
  folder.put("work/model.gguf");
  const { names } = await found(folder, {
    workdir: `${folder.dir}/work`,
    argv: ["serve", folder.dir, `${folder.dir}/home`, ".", "/", "~"],
  });
  assert.deepEqual(names, []);
});

Deno.test("findModelFiles() takes the snapshot that main means out of Hugging Face's cache", async () => {
  using folder = new TestFolder();
  const hub = "home/.cache/huggingface/hub";
  const repository = `${hub}/models--Systran--faster-whisper-small.en`;
  const blob = folder.put(`${repository}/blobs/abc`, 100);
  folder.put(`${repository}/blobs/old`, 50);
  folder.put(`${repository}/refs/main`, "rev2\n");
  folder.link(`${repository}/snapshots/rev2/model.bin`, blob);
  folder.put(`${repository}/snapshots/rev2/tokenizer.json`);
  folder.put(`${repository}/snapshots/rev1/model.bin`, 70);
  folder.put(`${hub}/models--Systran--faster-whisper-tiny/snapshots/r/model.bin`, 70);
  assert.deepEqual((await found(folder, engine("faster-whisper", "small.en"))).names, [
    `${repository}/snapshots/rev2/tokenizer.json`,
    `${repository}/snapshots/rev2/model.bin`,
  ]);
});

Deno.test("findModelFiles() heeds HF_HOME, the only snapshot, and safetensors before their copies", async () => {
  using folder = new TestFolder();
  const snapshot = "hf/hub/models--org--name/snapshots/r1";
  for (const name of ["model.safetensors", "pytorch_model.bin", "tf_model.h5", "config.json"]) {
    folder.put(`${snapshot}/${name}`);
  }
  const { names } = await found(folder, engine("transformers", "org/name"), {
    env: { HF_HOME: `${folder.dir}/hf` },
  });
  assert.deepEqual(names, [`${snapshot}/config.json`, `${snapshot}/model.safetensors`]);
  // The folder that a command line names for downloads has the same layout.
  const named = await found(folder, {
    ...engine("transformers", "org/name"),
    argv: ["serve", "--download-dir", `${folder.dir}/hf/hub`],
  });
  assert.deepEqual(named.names, names);
});

Deno.test("findModelFiles() never leaves a cache by a name or a reference that leads out of it", async () => {
  using folder = new TestFolder();
  folder.put("home/.cache/huggingface/secret/model.bin");
  const repository = "home/.cache/huggingface/hub/models--org--name";
  folder.put(`${repository}/refs/main`, "../../../secret");
  folder.put(`${repository}/snapshots/r1/model.bin`);
  folder.put(`${repository}/snapshots/r2/model.bin`);
  assert.deepEqual((await found(folder, engine("x", "org/name"))).names, []);
  assert.deepEqual((await found(folder, engine("x", "../secret"))).names, []);
  folder.put("home/.ollama/secret", "{}");
  assert.deepEqual((await found(folder, engine(null, "../../../secret", "ollama"))).names, []);
});

Deno.test("findModelFiles() reads Ollama's manifests", async () => {
  using folder = new TestFolder();
  const digest = (sign: string) => sign.repeat(64);
  const blob = (sign: string, size: number) =>
    folder.put(`home/.ollama/models/blobs/sha256-${digest(sign)}`, size);
  blob("a", 300);
  blob("b", 20);
  blob("c", 100);
  folder.put("home/.ollama/models/secret", 9);
  folder.put(
    "home/.ollama/models/manifests/registry.ollama.ai/library/standin-test/1b",
    JSON.stringify({
      config: { digest: `sha256:${digest("b")}` },
      layers: [
        { mediaType: "application/vnd.ollama.image.projector", digest: `sha256:${digest("c")}` },
        { mediaType: "application/vnd.ollama.image.model", digest: `sha256:${digest("a")}` },
        { mediaType: "application/vnd.ollama.image.model", digest: "sha256:../secret" },
        { mediaType: 5, digest: { no: "text" } },
        null,
      ],
    }),
  );
  const { names } = await found(folder, engine(null, "standin-test:1b", "ollama"));
  assert.deepEqual(names.map((name) => name.at(-1)), ["b", "a", "c"]);
  assert.deepEqual((await found(folder, engine(null, "standin-test", "ollama"))).names, []);

  Deno.renameSync(`${folder.dir}/home/.ollama/models`, `${folder.dir}/moved`);
  const env = { OLLAMA_MODELS: `${folder.dir}/moved` };
  const warmup = { kind: "ollama", url: "", model: "standin-test:1b", tokens: 1, numCtx: null } as const;
  const moved = await found(
    folder,
    { env, warmup: { ...warmup, timeoutMs: 1, runs: 1, required: true } },
  );
  assert.equal(moved.names.length, 3);

  for (const text of ["", "[]", "null", '{"layers": 5}', '{"layers": {}}', "\0"]) {
    folder.put("moved/manifests/registry.ollama.ai/library/broken-test/latest", text);
    assert.deepEqual((await found(folder, { ...engine(null, "broken-test", "ollama"), env })).names, []);
  }
});

Deno.test("findModelFiles() takes Piper's voice alone out of a folder of many", async () => {
  using folder = new TestFolder();
  for (const voice of ["en_US-lessac-medium", "de_DE-thorsten-high"]) {
    folder.put(`voices/${voice}.onnx`, 50);
    folder.put(`voices/${voice}.onnx.json`);
  }
  const lessac = ["voices/en_US-lessac-medium.onnx.json", "voices/en_US-lessac-medium.onnx"];
  const argv = ["wyoming-piper", "--data-dir", `${folder.dir}/voices`, "--voice", "en_US-lessac-medium"];
  assert.deepEqual((await found(folder, { argv })).names, lessac);
  Deno.mkdirSync(`${folder.dir}/home/.local/share`, { recursive: true });
  Deno.renameSync(`${folder.dir}/voices`, `${folder.dir}/home/.local/share/piper-voices`);
  const env = { ALEXA_DEFAULT_VOICE: "en_US-lessac-medium" };
  const { names } = await found(folder, { ...engine("piper", null), env });
  assert.deepEqual(
    names,
    lessac.map((name) => name.replace("voices", "home/.local/share/piper-voices")),
  );
});

Deno.test("P9: findModelFiles() takes the named model alone out of a folder of several", async () => {
  using folder = new TestFolder();
  for (const name of ["whisper-tiny", "whisper-large", "distil"]) {
    folder.put(`models/${name}/model.bin`, name === "whisper-tiny" ? 75 : 900);
    folder.put(`models/${name}/tokenizer.json`);
  }
  folder.put("models/alexa.onnx", 20);
  folder.put("models/llama-00001-of-00002.gguf", 300);
  folder.put("models/llama-00002-of-00002.gguf", 300);
  const store = `${folder.dir}/models`;
  const tiny = ["models/whisper-tiny/tokenizer.json", "models/whisper-tiny/model.bin"];
  for (
    const argv of [
      ["python3", "-m", "wyoming_faster_whisper", "--model", `${store}/whisper-tiny`, "--data-dir", store],
      ["wyoming-faster-whisper", `--data-dir=${store}`, "--model", "whisper-tiny"],
      ["wyoming-faster-whisper", "--data-dir", store, "--model", "tiny", "--language", "en"],
    ]
  ) assert.deepEqual(await found(folder, { argv }), { names: tiny, problems: [] }, argv.join(" "));
  const by = async (argv: string[], env = {}) =>
    (await found(folder, { argv: ["serve", ...argv], env })).names;
  assert.deepEqual(await by(["--models-dir", store, "--model", "org/llama:Q4"]), [
    "models/llama-00001-of-00002.gguf",
    "models/llama-00002-of-00002.gguf",
  ]);
  assert.deepEqual(await by([], { ALEXA_MODEL: "alexa", ALEXA_DATA: store }), ["models/alexa.onnx"]);
  assert.deepEqual(await by(["--model-dir", `${store}/distil`]), [
    "models/distil/tokenizer.json",
    "models/distil/model.bin",
  ]);
});

Deno.test("P9: findModelFiles() takes nothing out of a folder of several where none is named, and says so", async () => {
  using folder = new TestFolder();
  folder.put("voices/a.onnx");
  folder.put("voices/a.onnx.json");
  const argv = ["python3", "-m", "piper.http_server", "--data-dir", `${folder.dir}/voices`];
  assert.deepEqual(
    (await found(folder, { argv })).names,
    ["voices/a.onnx.json", "voices/a.onnx"],
    "the only one",
  );
  folder.put("voices/b.onnx");
  assert.deepEqual(await found(folder, { argv }), {
    names: [],
    problems: [
      `${folder.dir}/voices holds several models, and nothing says which: name it, or set prepare.files`,
    ],
  });
  const named = await found(folder, { argv }, { globs: [`${folder.dir}/voices/b.onnx`] });
  assert.deepEqual(named, { names: ["voices/b.onnx"], problems: [] });
});

Deno.test("findModelFiles() knows where whisper.cpp, Whisper and llama.cpp keep their models", async () => {
  using folder = new TestFolder();
  folder.put("work/models/ggml-base.en.bin");
  folder.put("work/models/ggml-small.bin");
  folder.put("home/.cache/whisper/small.en.pt");
  folder.put("home/.cache/llama.cpp/org_tiny-GGUF_tiny-Q4_K_M.gguf");
  folder.put("home/.cache/llama.cpp/org_tiny-GGUF_tiny-Q8_0.gguf");
  folder.put("home/.cache/llama.cpp/org_other_other.gguf");
  const workdir = `${folder.dir}/work`;
  const names = async (changes: Partial<ServicePlan>) => (await found(folder, { workdir, ...changes })).names;
  assert.deepEqual(await names({ argv: ["/opt/whisper-server"] }), ["work/models/ggml-base.en.bin"]);
  assert.deepEqual(await names(engine("whisper.cpp", "small")), ["work/models/ggml-small.bin"]);
  assert.deepEqual(await names(engine("whisper", "small.en")), ["home/.cache/whisper/small.en.pt"]);
  assert.deepEqual(await names({ argv: ["llama-server", "-hf", "org/tiny-GGUF:q4_k_m"] }), [
    "home/.cache/llama.cpp/org_tiny-GGUF_tiny-Q4_K_M.gguf",
  ]);
  assert.deepEqual(await names(engine(null, "tiny", "ollama")), [], "Ollama is not llama");
});

Deno.test("findModelFiles() finds nothing in the specification's own services, and says nothing", async () => {
  using folder = new TestFolder();
  const argv = ["python", "-m", "services.stt_service"];
  assert.deepEqual(await found(folder, { argv, ...engine("faster-whisper", null) }), {
    names: [],
    problems: [],
  });
});

Deno.test("Walk looks at a bounded number of entries and ends with its signal", async () => {
  using folder = new TestFolder();
  for (let i = 0; i < 40; i++) folder.put(`m/${i}.gguf`);
  const walk = new Walk(fileTree, signal, 20);
  await walk.addFolder(`${folder.dir}/m`);
  assert.ok(walk.cutShort);
  assert.ok(walk.files.length < 20);
  const ended = new Walk(fileTree, AbortSignal.abort(new Error("enough")));
  await assert.rejects(ended.addFolder(`${folder.dir}/m`), /enough/);
});
