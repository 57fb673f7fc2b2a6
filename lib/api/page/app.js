// The page: asks the API once a second, and says first whether one can talk. Plain JavaScript; Preact comes beside it.
import { html, render, useEffect, useRef, useState } from "htm/preact/standalone";

const everyMs = 1000;
const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? sessionStorage.getItem("token");
if (token) {
  sessionStorage.setItem("token", token);
  history.replaceState(null, "", location.pathname + location.search);
}

/** Rejects with words for a person. */
async function ask(path, method = "GET") {
  const headers = { "x-alexa-loader": "page", ...(token && { authorization: `Bearer ${token}` }) };
  let answer;
  try {
    answer = await fetch(path, { method, headers });
  } catch {
    throw new Error("the loader does not answer; it may be restarting");
  }
  if (answer.status === 401) {
    throw new Error("the token is missing or wrong: open the address that the log shows");
  }
  const text = await answer.text();
  const value = answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text;
  if (!answer.ok) throw new Error(value.error?.message ?? `HTTP ${answer.status}`);
  return value;
}

const seconds = (ms) => ms === null ? "" : ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
const moods = { yes: "yes", partly: "partly", "not yet": "wait", no: "no" };
const stateMoods = {
  up: "yes",
  failed: "no",
  backoff: "partly",
  away: "partly",
  starting: "wait",
  warming: "wait",
};

/** Asks again and again; what it was last stays when the loader is away, with the reason beside it. */
function useAsked(path, ms = everyMs) {
  const [state, set] = useState({ value: null, problem: null });
  useEffect(() => {
    let over = false, timer;
    const turn = async () => {
      try {
        const value = await ask(path);
        if (!over) set({ value, problem: null });
      } catch (error) {
        if (!over) set((was) => ({ value: was.value, problem: error.message }));
      }
      if (!over) timer = setTimeout(turn, ms);
    };
    turn();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [path]);
  return state;
}

function App() {
  const { value: status, problem } = useAsked("v1/status");
  const { value: boots } = useAsked("v1/boots?last=200", 15_000);
  const memory = useMemory(status);
  useEffect(() => {
    document.title = status ? `${problem ? "away" : status.talk.text} · ${status.instance}` : "alexa-loader";
  }, [status, problem]);
  if (!status) {
    return html`
      <h1>alexa-loader</h1>
      <p role="status">${problem ?? "Loading …"}</p>
    `;
  }
  return html`
    <h1 aria-live="polite" class=${problem ? "no" : moods[status.talk.works]}>${problem
      ? `Not known: ${problem}`
      : status.talk.text}</h1>
    <p class="dim">${status.instance}, ${status.state}, alexa-loader ${status.version}, boot ${status
      .boot}${status.total_boot_ms === null ? "" : `, booted in ${seconds(status.total_boot_ms)}`}</p>
    <${Services} status=${status} boots=${boots ?? []} away=${problem !== null} />
    <${Log} services=${status.services.map(({ name }) => name)} />
    ${memory.length > 1 && html`<${Memory} samples=${memory} />`}
    ${boots?.length > 0 && html`<${Boots} boots=${boots} />`}
  `;
}

function Services({ status, boots, away }) {
  const [news, tell] = useState({});
  const [asking, askFor] = useState(null);
  const usual = Object.fromEntries(status.services.map(({ name }) => [name, usualOf(boots, name)]));
  const act = async ({ name, verb }) => {
    askFor(null);
    const say = (text) => tell((was) => ({ ...was, [name]: text }));
    say(`${verb}: under way …`);
    try {
      const { ok, state, problem } = await ask(`v1/services/${encodeURIComponent(name)}/${verb}`, "POST");
      say(ok ? `${verb}: done` : `${verb}: ${problem ?? state}`);
    } catch (error) {
      say(`${verb} failed: ${error.message}`);
    }
  };
  const costs = ({ name, verb }) =>
    verb === "stop"
      ? `${name} stays off until it is started again.`
      : usual[name]
      ? `It takes about ${seconds(usual[name])}, and ${name} is away meanwhile.`
      : `${name} is away meanwhile.`;
  const booted = ["SYSTEM_READY", "DEGRADED"].includes(status.state);
  const verbs = (service) => service.desired === "up" ? ["restart", "stop"] : booted ? ["start"] : [];
  return html`<section aria-labelledby="services"><h2 id="services">Services</h2>
    <div class="scroll"><table class="services">
      <thead><tr><th scope="col">Service</th><th scope="col">State</th><th scope="col">Remarks</th><th scope="col" class="figure">Ready in</th>
        <th scope="col" class="figure">Restarts</th><th scope="col">Actions</th></tr></thead>
      <tbody>${
    status.services.map((service) =>
      html`
        <tr key=${service.name}>
          <th scope="row">${service.name}</th>
          <td class=${stateMoods[service.state] ?? "dim"}>${service.state === "idle"
            ? "waits"
            : service.state}
                  <${Stage} service=${service} usual=${usual[service.name]} /></td>
          <td>${service.problem ?? service.says ?? ""}${service.vram_mib
            ? ` ${Math.round(service.vram_mib)} MiB`
            : ""}${service.on_cpu
            ? " on the CPU"
            : ""} <span role="status" class="wait">${news[service.name] ?? ""}</span></td>
          <td class="figure">${seconds(service.ready_ms)}</td>
          <td class="figure">${service.restarts}</td>
          <td>
            <div class="actions">${verbs(service).map((verb) =>
              html`
                <button disabled=${away}
                  aria-label=${`${verb} ${service.name}`} onClick=${() =>
                    askFor({ name: service.name, verb })}>${verb}</button>
              `
            )}</div>
          </td>
        </tr>
      `
    )
  }</tbody></table></div>
    ${
    asking && html`<${Confirm} title=${`${asking.verb} ${asking.name}?`} text=${costs(asking)} yes=${() =>
      act(asking)} no=${() =>
      askFor(null)} />`
  }
  </section>`;
}

/** How long a service that starts has taken, beside what is usual. */
function Stage({ service, usual }) {
  const began = useRef(null);
  const busy = ["starting", "warming"].includes(service.state);
  if (!busy) began.current = null;
  else began.current ??= Date.now();
  if (!busy || !usual) return null;
  return html`
    <progress max=${usual} value=${Math.min(
      usual,
      Date.now() - began.current,
    )} aria-label=${`${service.name} loads, about ${seconds(usual)}`} />
  `;
}

function Confirm({ title, text, yes, no }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`
    <dialog ref=${dialog} aria-labelledby="sure" onCancel=${no}>
      <h2 id="sure">${title}</h2>
      <p>${text}</p>
      <div
        class="actions"><button onClick=${yes}>${title.replace(
          "?",
          "",
        )}</button><button onClick=${no}>back</button></div>
    </dialog>
  `;
}

const usualOf = (boots, name) => {
  const times = boots.flatMap(({ services }) =>
    services.filter((it) => it.name === name && it.outcome === "up" && !it.adopted)
  )
    .map((it) => (it.time_to_ready_ms ?? 0) + (it.warmup_ms ?? 0)).sort((a, b) => a - b);
  return times[times.length >> 1] ?? null;
};

function Log({ services }) {
  const [service, choose] = useState("");
  const [text, filter] = useState("");
  const [follow, setFollow] = useState(true);
  const path = `v1/logs?tail=300${service && `&service=${encodeURIComponent(service)}`}`;
  const { value, problem } = useAsked(path);
  const box = useRef(null);
  const lines = (typeof value === "string" ? value.split("\n") : []).map(lineOf).filter((line) =>
    line.toLowerCase().includes(text.toLowerCase())
  );
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [value, text, follow]);
  return html`<section aria-labelledby="log"><h2 id="log">Log</h2>
    <div class="row">
      <label>Of <select value=${service} onChange=${(event) => choose(event.target.value)}>
        <option value="">all</option>${
    services.map((name) => html`<option value=${name}>${name}</option>`)
  }</select></label>
      <label>With <input type="search" value=${text} onInput=${(event) =>
    filter(event.target.value)} /></label>
      <label><input type="checkbox" checked=${follow} onChange=${(event) =>
    setFollow(event.target.checked)} /> follow</label>
    </div>
    ${problem && html`<p class="dim">${problem}</p>`}
    <pre ref=${box} tabindex="0" role="log" aria-label="Log lines">${lines.join("\n")}</pre></section>`;
}

/** A line as the API has it: JSON of one line, or text. */
function lineOf(line) {
  if (!line.startsWith("{")) return line;
  const { at, tag, level, message } = JSON.parse(line);
  return `${at} ${tag.padEnd(8)} ${level} = ${message}`;
}

/** GPU memory by service since the page was opened. */
function useMemory(status) {
  const samples = useRef([]);
  if (status && status.services.some(({ vram_mib }) => vram_mib > 0)) {
    const at = Date.now();
    if (at - (samples.current.at(-1)?.at ?? 0) >= everyMs) {
      const of = Object.fromEntries(status.services.map(({ name, vram_mib }) => [name, vram_mib ?? 0]));
      samples.current = [...samples.current, { at, of }].slice(-3600);
    }
  }
  return samples.current;
}

function Memory({ samples }) {
  const names = Object.keys(samples.at(-1).of).filter((name) => samples.some(({ of }) => of[name] > 0));
  const most = Math.max(1, ...samples.flatMap(({ of }) => Object.values(of)));
  const [from, to] = [samples[0].at, samples.at(-1).at];
  const x = (at) => (at - from) / Math.max(1, to - from) * 900;
  const y = (mib) => 150 - mib / most * 140;
  return html`
    <section aria-labelledby="vram">
      <h2 id="vram">GPU memory</h2>
      <svg viewBox="0 0 960 170" role="img" aria-label=${`GPU memory since this page was opened, at most ${
        Math.round(most)
      } MiB`}>
          ${names.map((name) =>
            html`<polyline class="vram" points=${
              samples.map(({ at, of }) => `${x(at)},${y(of[name] ?? 0)}`).join(" ")
            } />`
          )}
          ${names.map((name) => html`<text x="905" y=${y(samples.at(-1).of[name] ?? 0)}>${name}</text>`)}
        </svg>
    </section>
  `;
}

function Boots({ boots }) {
  const [chosen, choose] = useState(null);
  const month = boots.filter(({ at }) => Date.now() - Date.parse(at) < 30 * 86_400_000);
  const boot = boots.find((it) => it.boot === chosen) ?? boots.at(-1);
  const most = Math.max(1, ...month.map((it) => it.total_boot_ms ?? 0));
  const wide = 960 / Math.max(30, month.length);
  const words = (it) =>
    `${it.at.slice(0, 16).replace("T", " ")}: ${it.outcome}${
      it.total_boot_ms === null ? "" : `, ${seconds(it.total_boot_ms)}`
    }`;
  return html`
    <section aria-labelledby="boots">
      <h2 id="boots">Boots</h2>
      <svg viewBox="0 0 960 90" role="img" aria-label=${`${month.length} boots in 30 days`}>${month.map(
        (it, i) => {
          const height = 8 + (it.total_boot_ms ?? 0) / most * 72;
          return html`
            <rect class=${`boot-${it.outcome}`} x=${i * wide} y=${88 - height} width=${Math.max(
              1,
              wide - 2,
            )} height=${height}>
              <title>${words(it)}</title>
            </rect>
          `;
        },
      )}</svg>
      <div class="row"><label>Boot <select value=${boot.boot} onChange=${(event) =>
        choose(event.target.value)}>
          ${boots.toReversed().map((it) =>
            html`<option value=${it.boot}>${it.boot.slice(0, 8)} ${words(it)}</option>`
          )}</select></label></div>
      <${Waterfall} boot=${boot} />
    </section>
  `;
}

function Waterfall({ boot }) {
  const spans = boot.spans;
  const end = Math.max(1, ...spans.map(({ at_ms, ms }) => at_ms + ms));
  const kind = (name) => ["ready", "warmup", "prepare"].find((it) => name.endsWith(`.${it}`)) ?? "other";
  const x = (ms) => 150 + ms / end * 720;
  return html`<svg viewBox=${`0 0 960 ${
    spans.length * 18 + 6
  }`} role="img" aria-label=${`Boot ${boot.boot}: ${
    spans.map((it) => `${it.name} ${seconds(it.ms)}`).join(", ")
  }`}>
    ${
    spans.map(({ name, at_ms, ms }, i) =>
      html`
        <g>
          <text x="0" y=${i * 18 + 15}>${name}</text>
          <rect class=${`bar-${kind(name)}`} x=${x(at_ms)} y=${i * 18 + 4} width=${Math.max(
            1,
            x(ms) - 150,
          )} height="12" />
          <text x=${x(at_ms + ms) + 4} y=${i * 18 + 15}>${seconds(ms)}</text>
        </g>
      `
    )
  }</svg>`;
}

const app = document.getElementById("app");
app.replaceChildren();
render(html`<${App} />`, app);
