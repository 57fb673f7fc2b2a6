/** Bytes of the kind that grpc-js frames messages with; loaded only by who needs it (5 ms). */
import { Buffer } from "node:buffer";

export function nodeBuffer(bytes: ArrayLike<number>): Buffer {
  return Buffer.from(bytes);
}
