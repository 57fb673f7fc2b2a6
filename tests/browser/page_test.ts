/** The page in a real browser: Debian's Chromium, driven by Playwright, judged by axe. Spec: §12. */
import assert from "node:assert/strict";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { findProgram } from "../../lib/sys/host.ts";
import { LoaderProcess, lowPort, TestHome, until } from "../support/loader_process.ts";
import { assistant } from "../support/scenario.ts";
import { withoutPython } from "../unit/demo/python.ts";

const program = findProgram("chromium", "/", Deno.env.get("PATH") ?? "");
const missing = program === null ? "chromium: apt-get install chromium" : withoutPython ? "python3" : null;

interface Stage {
  home: TestHome;
  loader: LoaderProcess;
  config: string;
  url: string;
  browser: Browser;
  portList: number[];
}

function test(name: string, dashboard: Record<string, unknown>, act: (stage: Stage) => Promise<void>): void {
  Deno.test({
    name: missing === null ? `page ${name}` : `page ${name} [needs ${missing}]`,
    ignore: missing !== null,
    // The browser's driver keeps a timer for later.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      await using home = new TestHome();
      const port = lowPort();
      const listen = `127.0.0.1:${port}`;
      const { config, portList } = assistant(home, { loader: { dashboard: { listen, ...dashboard } } });
      await using loader = new LoaderProcess(home, ["up", "--config", config]);
      await loader.waitLine(/READY FOR WAKE WORD/);
      const browser = await chromium.launch({ executablePath: program!, args: ["--no-sandbox"] });
      try {
        await act({ home, loader, config, url: `http://${listen}`, browser, portList });
      } finally {
        await browser.close();
      }
      await loader.interrupt();
      await home.assertNothingLeft(portList, loader.pid);
    },
  });
}

/** Everything that axe finds wrong, in words. */
async function wrongs(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate("axe.run()") as axe.AxeResults;
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(", ")}`);
}

const heading = (page: Page) => page.getByRole("heading", { level: 1 });
const shows = (page: Page, text: RegExp) =>
  until(`${text}`, async () => text.test(await heading(page).innerText()));

test("says first whether one can talk, shows the services and restarts one", {}, async ({ url, browser }) => {
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("pageerror", (error) => problems.push(String(error)));
  await page.goto(`${url}/`);
  await shows(page, /^You can talk/);
  const row = page.getByRole("row", { name: /^llm/ });
  const ready = await row.innerText();
  await page.getByRole("button", { name: "restart llm" }).click();
  const dialog = page.getByRole("dialog");
  assert.match(await dialog.innerText(), /llm is away meanwhile/, "it says what it costs");
  await dialog.getByRole("button", { name: "back" }).click();
  await page.getByRole("button", { name: "restart llm" }).click();
  await dialog.getByRole("button", { name: "restart llm" }).click();
  await until("the restart", async () => /restart: done/.test(await row.innerText()), () => ready);
  await shows(page, /^You can talk/);
  const log = page.getByRole("log");
  await until("the log", async () => /READY FOR WAKE WORD/.test(await log.innerText()));
  await page.getByLabel("With").fill("READY FOR");
  await until("the filter", async () => (await log.innerText()).trim().split("\n").length === 1);
  await page.getByRole("button", { name: "stop tts" }).click();
  await dialog.getByRole("button", { name: "stop tts" }).click();
  await until(
    "its start button",
    async () => await page.getByRole("button", { name: "start tts" }).isVisible(),
  );
  await page.getByRole("button", { name: "start tts" }).click();
  await dialog.getByRole("button", { name: "start tts" }).click();
  await shows(page, /^You can talk/);
  assert.deepEqual(problems, []);
});

test("has nothing that axe finds wrong, in light and dark, wide and narrow", {}, async ({ url, browser }) => {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const width of [1200, 390]) {
      const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 } });
      await page.goto(`${url}/`);
      await shows(page, /^You can talk/);
      assert.deepEqual(await wrongs(page), [], `${colorScheme}, ${width}`);
      const wide = await page.evaluate("document.documentElement.scrollWidth") as number;
      assert.ok(wide <= width, `it is ${wide} wide on ${width}`);
      await page.close();
    }
  }
});

test("goes on when the loader is started again, and behind a prefix", { prefix: "/alexa" }, async (stage) => {
  const { url, browser, loader, home, config } = stage;
  const page = await browser.newPage();
  await page.goto(`${url}/alexa/`);
  await shows(page, /^You can talk/);
  await loader.interrupt();
  await shows(page, /^Not known: the loader does not answer/);
  await using again = new LoaderProcess(home, ["up", "--config", config]);
  await again.waitLine(/READY FOR WAKE WORD/);
  await shows(page, /^You can talk/);
  assert.equal(await again.interrupt(), 0);
});
