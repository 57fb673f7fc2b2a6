import assert from "node:assert/strict";
import { diskOf, mountOf } from "../../../../lib/sys/files/disk.ts";

const mounts = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 / /mnt/my\\040nas rw,relatime - nfs4 nas:/x rw,vers=4.2
31 22 8:2 / /data ro,relatime - ext4 /dev/sdb1 rw
32 22 8:3 / /broken rw,relatime - ext4 /dev/sdc1 ro,errors=remount-ro
`;

Deno.test("mountOf() finds the innermost mount, and whether it may be written", () => {
  assert.deepEqual(mountOf(mounts, "/home/ann"), { type: "ext4", readOnly: false });
  assert.deepEqual(mountOf(mounts, "/mnt/my nas/logs"), { type: "nfs4", readOnly: false });
  assert.equal(mountOf(mounts, "/data/x").readOnly, true);
  assert.equal(mountOf(mounts, "/database").readOnly, false, "a name that only begins so is another folder");
  assert.equal(mountOf(mounts, "/broken").readOnly, true, "the whole file system went read-only");
});

Deno.test("diskOf() tells room and inodes of a real folder", async () => {
  const { freeMib, totalMib, totalInodes } = await diskOf(Deno.cwd());
  assert.ok(totalMib > 0 && freeMib <= totalMib && totalInodes >= 0);
  await assert.rejects(diskOf("/no/such/folder"));
});
