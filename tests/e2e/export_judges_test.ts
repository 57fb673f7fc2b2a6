/** What others say of what we export: systemd's verifier, the schemas of Kubernetes and Compose, and YAML as Python reads it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { findProgram } from "../../lib/sys/host.ts";
import {
  type Exportable,
  exportable,
  forms,
  hostileWords,
  presets,
  withImages,
} from "../unit/export/support.ts";
import { pythonTest } from "../support/reference_python.ts";

const noSystemd = findProgram("systemd-analyze", "/", Deno.env.get("PATH") ?? "") === null;
const named = (name: string) => noSystemd ? `${name} [needs apt-get install systemd]` : name;

async function run(
  program: string,
  args: string[],
  o: { env?: Record<string, string>; stdin?: string } = {},
) {
  const child = new Deno.Command(program, {
    args,
    env: { NO_COLOR: "1", ...o.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(o.stdin ?? ""));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** The version that judges. */
async function installed(): Promise<number> {
  return Number(/^systemd (\d+)/.exec((await run("systemd-analyze", ["--version"])).stdout)![1]);
}

/** Its units as files, with programs that are there: that they are is the first thing systemd looks at. */
async function inFolder(
  of: Exportable,
  form: string,
  changes: Partial<Exportable["options"]>,
  fn: (folder: string, paths: string[]) => Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "al-u-" });
  try {
    const options = {
      ...of.options,
      program: ["/bin/true"],
      resolve: (argv: readonly string[]) => ["/bin/true", ...argv.slice(1)],
      ...changes,
    };
    const paths = forms[form]!({ ...of, options }).map(({ name, text }) => {
      Deno.writeTextFileSync(`${folder}/${name}`, text);
      return `${folder}/${name}`;
    });
    await fn(folder, paths);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

for (const [preset, of] of Object.entries(presets)) {
  for (const user of [true, false]) {
    const whose = user ? "a user's" : "the machine's";
    Deno.test({
      name: named(`systemd has nothing to say about the units of ${preset} for ${whose} manager`),
      ignore: noSystemd,
      async fn() {
        const systemd = await installed();
        for (const form of ["systemd-user", "per-service"]) {
          await inFolder(of, form, { user, systemd }, async (folder, paths) => {
            const { code, stderr } = await run(
              "systemd-analyze",
              [...user ? ["--user"] : [], "--man=no", "verify", ...paths],
              { env: { XDG_RUNTIME_DIR: folder, SYSTEMD_UNIT_PATH: `${folder}:` } },
            );
            assert.deepEqual({ form, code, stderr }, { form, code: 0, stderr: "" });
          });
        }
      },
    });
  }
}

Deno.test({
  name: named("systemd has nothing to say about what Quadlet passes on to it"),
  ignore: noSystemd,
  async fn() {
    for (const of of Object.values(presets)) {
      const systemd = await installed();
      await inFolder(withImages(of), "quadlet", { systemd }, async (folder, paths) => {
        const units = paths.map((path) => { // as its generator does: what podman is told becomes a command
          const unit = path.replace(/\.container$/, ".service");
          const text = Deno.readTextFileSync(path).replace(
            /\[Container\][^]*?\n\n\[Service\]/,
            "[Service]\nExecStart=/bin/true",
          );
          Deno.writeTextFileSync(unit, text);
          return unit;
        });
        const { code, stderr } = await run("systemd-analyze", ["--user", "--man=no", "verify", ...units], {
          env: { XDG_RUNTIME_DIR: folder, SYSTEMD_UNIT_PATH: `${folder}:` },
        });
        assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      });
    }
  },
});

Deno.test({
  name: named("systemd says of a unit for a later systemd what it does not know: the judge is awake"),
  ignore: noSystemd,
  async fn() {
    if (await installed() >= 254) return;
    await inFolder(presets.demo!, "systemd-user", { systemd: 254 }, async (folder, paths) => {
      const { stderr } = await run("systemd-analyze", ["--user", "--man=no", "verify", ...paths], {
        env: { XDG_RUNTIME_DIR: folder },
      });
      assert.match(stderr, /RestartSteps/);
    });
  },
});

Deno.test({
  name: named("systemd's score of exposure is printed, and better than that of an ordinary unit"),
  ignore: noSystemd,
  async fn() {
    const systemd = await installed();
    await inFolder(
      presets.specification!,
      "systemd-user",
      { user: false, systemd },
      async (_folder, paths) => {
        const { stdout } = await run("systemd-analyze", [
          "security",
          "--offline=true",
          "--no-pager",
          ...paths,
        ]);
        const score = /exposure level for \S+ (\d+\.\d)/i.exec(stdout)?.[1];
        console.log(`exposure of the machine's unit, 0 (none) to 10: ${score}`);
        assert.ok(Number(score) < 6, stdout);
      },
    );
  },
});

const kubernetesTest = pythonTest("kubernetes_validate", "kubernetes-validate==1.37.0");
const validate = `
import json, sys, yaml, kubernetes_validate as k
refused = []
for name, text in json.load(sys.stdin).items():
    for document in yaml.safe_load_all(text):
        for version in ("1.34", "1.35", "1.36", "1.37"):
            try:
                k.validate(document, version, strict=True)
            except Exception as e:
                refused.append([name, document["kind"], version, str(e)[:200]])
json.dump(refused, sys.stdout)
`;

kubernetesTest("what is exported for Kubernetes is valid, strictly, for 1.34 to 1.37", async (python) => {
  const texts = Object.fromEntries(
    Object.entries(presets).flatMap(([preset, of]) =>
      ["kubernetes", "kubernetes-pod-device-plugin"].map((form) => [
        `${preset} ${form}`,
        forms[form]!(withImages(of))[0]!.text,
      ])
    ),
  );
  const judged = async (all: Record<string, string>) => {
    const { code, stdout, stderr } = await run(python, ["-c", validate], { stdin: JSON.stringify(all) });
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as string[][];
  };
  assert.deepEqual(await judged(texts), []);
  const broken = texts["demo kubernetes"]!.replace("replicas: 1", "replikas: 1");
  assert.equal((await judged({ broken })).length, 4, "the judge is awake");
});

const composeTest = pythonTest("check_jsonschema", "check-jsonschema==0.39.0");

composeTest("what is exported for Compose is valid by its schema", async (python) => {
  const folder = Deno.makeTempDirSync({ prefix: "al-c-" });
  try {
    const judged = async (text: string) => {
      Deno.writeTextFileSync(`${folder}/compose.yaml`, text);
      const args = [
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        `${folder}/compose.yaml`,
      ];
      return await run(python, args);
    };
    for (const [preset, of] of Object.entries(presets)) {
      const { code, stdout } = await judged(forms.compose!(withImages(of))[0]!.text);
      assert.equal(code, 0, `${preset}: ${stdout}`);
    }
    const broken = forms.compose!(withImages(presets.demo!))[0]!.text.replace(
      "retries: 3",
      "retrys: 3",
    );
    assert.notEqual((await judged(broken)).code, 0, "the judge is awake");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

const yamlTest = pythonTest("yaml", "pyyaml");
const read =
  "import json, sys, yaml\njson.dump([list(yaml.safe_load_all(t)) for t in json.load(sys.stdin)], sys.stdout)";

yamlTest(
  "whatever words a command and its variables have, Python reads them from the YAML as they were",
  async (python) => {
    const cases = fc.sample(fc.tuple(hostileWords, hostileWords), { numRuns: 150, seed: 15 });
    const exported = cases.map(([args, values]) => {
      const { plan, options } = withImages(presets.specification!);
      const env = Object.fromEntries(values.map((value, i) => [`V${i}`, value]));
      const [first, ...others] = plan.services;
      return {
        plan: { ...plan, services: [{ ...first!, argv: ["run", ...args], env }, ...others] },
        options,
      };
    });
    const texts = exported.flatMap((of) => [forms.compose!(of)[0]!.text, forms.kubernetes!(of)[0]!.text]);
    const { code, stdout, stderr } = await run(python, ["-c", read], { stdin: JSON.stringify(texts) });
    assert.equal(code, 0, stderr);
    const plain = (text: string) => text.replaceAll("$$", "$"); // as both engines do
    const documents = JSON.parse(stdout);
    for (const [i, [args, values]] of cases.entries()) {
      const { kwd } = documents[2 * i][0].services;
      assert.deepEqual(kwd.entrypoint.map(plain), ["run", ...args]);
      assert.deepEqual(kwd.environment.map(plain), [
        ...values.map((value, n) => `V${n}=${value}`),
        "ALEXA_SERVICE=kwd",
      ]);
      const sidecar = documents[2 * i + 1].at(-1).spec.template.spec.initContainers[1];
      assert.deepEqual(sidecar.command.map(plain), ["run", ...args]);
      assert.deepEqual(sidecar.env.slice(0, -1).map(({ value }: { value: string }) => plain(value)), values);
    }
  },
);

yamlTest("the configuration in the ConfigMap is the file, byte for byte", async (python) => {
  const texts = [
    presets.specification!,
    presets.containers!,
    exportable("# a\n\n" + presets.specification!.options.config.text),
  ];
  const { stdout } = await run(python, ["-c", read], {
    stdin: JSON.stringify(texts.map((of) => forms.kubernetes!(withImages(of))[0]!.text)),
  });
  assert.deepEqual(
    JSON.parse(stdout).map(([{ data }]: [{ data: Record<string, string> }]) => data["loader.yaml"]),
    texts.map(({ options }) => options.config.text),
  );
});
