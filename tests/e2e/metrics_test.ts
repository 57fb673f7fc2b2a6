/** The figures of a running loader, asked for over its API. */
import assert from "node:assert/strict";
import { unixHttpRequest } from "../../lib/sys/net/unix_http_client.ts";
import { kill, LoaderProcess, TestHome } from "../support/loader_process.ts";
import { promtool, promtoolTest } from "../support/promtool.ts";

promtoolTest(
  "GET /v1/metrics of a running assistant counts what happens, and promtool is content",
  async () => {
    await using home = new TestHome();
    await using loader = new LoaderProcess(home, ["demo"], { env: { ALEXA_DEMO_SPEED: "8" } });
    await loader.waitLine(/READY FOR WAKE WORD/);
    const socket = `${home.runtime}/alexa-loader/demo/control.sock`;
    const figures = async () => {
      const answer = await unixHttpRequest(socket, {
        method: "GET",
        target: "/v1/metrics",
        signal: AbortSignal.timeout(5000),
        maxBytes: 1 << 20,
      });
      return answer.text;
    };
    const before = await figures();
    assert.equal(await promtool(before), "");
    assert.match(before, /^alexa_loader_can_talk 1$/m);
    assert.match(
      before,
      /^alexa_loader_service_stage_duration_seconds_count{service="stt",stage="warmup"} 1$/m,
    );
    assert.match(before, /^alexa_loader_boot_duration_seconds_count 1$/m);
    assert.match(before, /^alexa_loader_service_restarts_total{service="llm"} 0$/m);
    const pid = /pid (\d+)/.exec((await loader.waitLine(/^LLM .*Starting/)).message)![1];
    kill(Number(pid), "SIGKILL");
    await loader.waitLine(/SYSTEM_READY again/);
    const after = await figures();
    assert.equal(await promtool(after), "");
    assert.match(after, /^alexa_loader_service_restarts_total{service="llm"} 1$/m);
    assert.match(after, /^alexa_loader_service_faults_total{service="llm",kind="exited"} 1$/m);
    assert.equal(await loader.interrupt(), 0);
  },
);
