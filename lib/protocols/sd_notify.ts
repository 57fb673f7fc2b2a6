/**
 * The sd_notify(3) datagram: `NAME=value` lines that a service sends to its NOTIFY_SOCKET. Anyone with the socket's
 * path can send, so the reading is lenient and bounded: what is not understood is passed over. Spec: §6; CONTRACT §2, §3.
 */

/** What one datagram says. */
export interface NotifyMessage {
  /** READY=1: the service is up. */
  ready: boolean;
  /** X_ALEXA_PREPARED=1: a standby process is prepared and waits for `start`. */
  prepared: boolean;
  /** X_ALEXA_BUSY=: how many requests are in flight (1 for "some", 0 for none); null if it does not say. */
  inFlight: number | null;
  /** STOPPING=1: the service is on its way out. */
  stopping: boolean;
  /** WATCHDOG=1: a sign of life. */
  watchdog: boolean;
  /** STATUS=: what it is doing, in words; control characters removed, at most 200 characters. */
  status: string | null;
  /** EXTEND_TIMEOUT_USEC=: how much longer to wait from now on, in ms. */
  extendTimeoutMs: number | null;
  /** X_ALEXA_TURN=: a turn of talk, as it was written. */
  turn: string | null;
  /** MAINPID=: the process that counts, if it is not the one that was started. */
  mainPid: number | null;
}

/** As systemd: a longer datagram is cut. */
const maxBytes = 4096;
const maxStatusChars = 200;

/** Reads a datagram; never throws. */
export function parseNotify(datagram: Uint8Array): NotifyMessage {
  const message: NotifyMessage = {
    ready: false,
    prepared: false,
    inFlight: null,
    stopping: false,
    watchdog: false,
    status: null,
    extendTimeoutMs: null,
    turn: null,
    mainPid: null,
  };
  const text = new TextDecoder().decode(datagram.subarray(0, maxBytes));
  for (const line of text.split("\n")) {
    const equals = line.indexOf("=");
    if (equals < 0) continue;
    const value = line.slice(equals + 1).trim();
    switch (line.slice(0, equals).trim()) {
      case "READY":
        message.ready ||= value === "1";
        break;
      case "X_ALEXA_PREPARED":
        message.prepared ||= value === "1";
        break;
      case "X_ALEXA_BUSY":
        if (/^\d{1,6}$/.test(value)) message.inFlight = Number(value);
        break;
      case "X_ALEXA_TURN":
        message.turn = value;
        break;
      case "STOPPING":
        message.stopping ||= value === "1";
        break;
      case "WATCHDOG":
        message.watchdog ||= value === "1";
        break;
      case "STATUS":
        message.status = printable(value);
        break;
      case "EXTEND_TIMEOUT_USEC": {
        const usec = wholeNumber(value);
        if (usec !== null) message.extendTimeoutMs = usec / 1000;
        break;
      }
      case "MAINPID": {
        const pid = wholeNumber(value);
        if (pid !== null && pid > 1 && pid <= 0x7fffffff) message.mainPid = pid;
        break;
      }
    }
  }
  return message;
}

/** The datagram that says this. A value is one line, whatever it is made of: nobody else's words become a field. */
export function notifyText(fields: Readonly<Record<string, string | number | bigint>>): string {
  return Object.entries(fields).map(([name, value]) => `${name}=${printable(String(value))}`).join("\n");
}

function wholeNumber(text: string): number | null {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : null;
}

/** Fit for one line of a log or a terminal. */
function printable(text: string): string {
  const clean = text.replace(/\p{Cc}+/gu, " ").trim();
  return Array.from(clean).slice(0, maxStatusChars).join("");
}
