import assert from "node:assert/strict";
import { closeFds, listNumbers, openPipe, writeFd } from "../../../../lib/sys/process/libc.ts";
import { epoll } from "../../../../lib/sys/process/epoll.ts";
import { withProcesses } from "../../../support/with_processes.ts";

const byte = new Uint8Array([1]);
const descriptors = () => listNumbers("/proc/self/fd")!.length;

withProcesses.test("epoll.readable() tells of bytes and of the end, for many at once", async () => {
  const pipes = Array.from({ length: 100 }, openPipe);
  const told: number[] = [];
  const waits = pipes.map(([fd], i) => epoll.readable(fd).then((readable) => readable && told.push(i)));
  writeFd(pipes[7]![1], byte);
  await waits[7];
  assert.deepEqual(told, [7]);
  closeFds(...pipes.map(([, end]) => end));
  await Promise.all(waits);
  assert.equal(told.length, 100);
  for (const [fd] of pipes) {
    epoll.forget(fd);
    closeFds(fd);
  }
});

withProcesses.test("epoll.forget() ends the wait, and when it was the last nothing is left open", async () => {
  const before = descriptors();
  for (let i = 0; i < 100; i++) {
    const [fd, end] = openPipe();
    const wait = epoll.readable(fd);
    epoll.forget(fd);
    assert.equal(await wait, false);
    closeFds(fd, end);
    await new Promise((resolve) => setTimeout(resolve, 1)); // the thread is at its end
  }
  assert.ok(descriptors() < before + 100, "other tests have descriptors, too, but not so many");
});

withProcesses.test("epoll takes nothing it saw of a descriptor for its namesake's", async () => {
  let namesakes = 0;
  for (let i = 0; i < 200; i++) {
    const [fd, end] = openPipe();
    const old = epoll.readable(fd);
    writeFd(end, byte); // seen by the thread, but not told yet
    if (i % 2) { for (const until = performance.now() + 1; performance.now() < until;); }
    epoll.forget(fd);
    closeFds(fd, end);
    const [again, newEnd] = openPipe();
    if (again === fd) namesakes++; // a test beside this one may have taken the number
    let told: boolean | null = null;
    const fresh = epoll.readable(again).then((readable) => told = readable);
    assert.equal(await old, false);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(told, null, "nothing is there to read");
    epoll.forget(again);
    await fresh;
    closeFds(again, newEnd);
  }
  assert.ok(namesakes > 0);
});
