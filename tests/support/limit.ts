/**
 * Loaded before each test file by scripts/test.ts: a test that names no `timeout` of its own has the run's
 * (TEST_LIMIT_SEC), also one that never gives its event loop back. What hangs fails, with its name and place. What a
 * disposal adds to a failure is told with it: of a SuppressedError Deno shows neither.
 */
const timeout = 1000 * Number(Deno.env.get("TEST_LIMIT_SEC") ?? 120);

/** Deno.test's forms are (fn), (options), (name, fn), (options, fn), (name, options, fn). */
function limited(args: unknown[], place: string | undefined): unknown[] {
  const own = args.find((arg) => typeof arg === "object") as Partial<Deno.TestDefinition> | undefined;
  const given = (args.find((arg) => typeof arg === "function") ?? own?.fn) as TestFunction | undefined;
  const fn = given && whole(given);
  // Deno would take this file for the place of every test.
  if (fn && place) Object.assign(fn, { [Symbol.for("Deno.test.location")]: place });
  const [name] = typeof args[0] === "string" ? args : [];
  const options = { timeout, ...own };
  if (name !== undefined) return [name, options, fn];
  return own?.fn ? [{ ...options, fn }] : [options, fn];
}

type TestFunction = Deno.TestDefinition["fn"];

function whole(fn: TestFunction): TestFunction {
  const wrapped: TestFunction = async (context) => {
    try {
      await fn(context);
    } catch (error) {
      if (!(error instanceof SuppressedError)) throw error;
      throw new AggregateError(
        [error.suppressed, error.error],
        "It failed, and so did what cleans up after it",
      );
    }
  };
  return Object.defineProperty(wrapped, "name", { value: fn.name });
}

(Deno as { test: typeof Deno.test }).test = new Proxy(Deno.test, {
  apply(test, _, args) {
    const place = /at (?:.* \()?(file:.*:\d+:\d+)\)?$/.exec(new Error().stack!.split("\n")[2] ?? "")?.[1];
    (test as (...args: unknown[]) => void)(...limited(args, place));
  },
});
