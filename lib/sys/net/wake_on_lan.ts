/** The magic packet that switches a machine on: six bytes of ones, and its address sixteen times. Spec: §6. */
import { reasonOf } from "../../errors.ts";

/** The packet for `mac` ("aa:bb:cc:dd:ee:ff"). Pure. */
export function magicPacket(mac: string): Uint8Array {
  const address = mac.split(/[:-]/).map((byte) => parseInt(byte, 16));
  return Uint8Array.from([...Array(6).fill(0xff), ...Array(16).fill(address).flat()]);
}

/** Sends it; null when it went out, else why not. Whether anybody woke shows later. */
export async function sendMagicPacket(
  mac: string,
  { host: hostname, port }: { host: string; port: number },
): Promise<string | null> {
  const any = hostname.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname: any, port: 0 });
  try {
    await socket.send(magicPacket(mac), { transport: "udp", hostname, port });
    return null;
  } catch (error) {
    return reasonOf(error);
  } finally {
    socket.close();
  }
}
