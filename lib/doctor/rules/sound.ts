/** Microphone and speaker, and what stands between them and a service. */
import type { Facts, Volume } from "../facts.ts";
import { type Case, type Rule, when } from "../rule.ts";

/** "hw:1,0", "plughw:CARD=Device": the card's number or id. */
const alsaName = /\b(?:plug|d?sn?oop|dmix|sys)?(?:hw|default|front):(?:CARD=)?(\w+)/g;
const soundProgram = /\b(?:pw-\w+|paplay|parec(?:ord)?|pactl|pipewire|pulse(?:audio)?)\b/;

interface Named {
  service: string;
  text: string;
  card: string;
}

/** Every ALSA card that the configuration names. */
function namedCards({ plan }: Facts): Named[] {
  return plan?.services.flatMap(({ name, argv, env }) =>
    [...argv, ...Object.values(env)].flatMap((word) =>
      [...word.matchAll(alsaName)].map(([text, card = ""]) => ({ service: name, text, card }))
    )
  ) ?? [];
}

/** A wake word service runs here; the demo's stand-in needs no microphone. */
const hears = ({ plan }: Facts) =>
  plan?.services.some(({ role, manage, argv }) =>
    role === "kwd" && manage === "spawn" && argv[0] !== "@demo"
  ) ?? false;
const usesServer = ({ plan }: Facts) =>
  plan?.services.some(({ argv, env }) =>
    [...argv, ...Object.values(env)].some((w) => soundProgram.test(w))
  ) ??
    false;

function quiet(volume: Volume | null, what: string, wp: string, alsa: string): Case[] | null {
  if (volume === null) return null;
  const mend = volume.tool === "wpctl"
    ? `wpctl set-mute ${wp} 0 && wpctl set-volume ${wp} 80%`
    : `amixer sset ${alsa} 80% ${alsa === "Capture" ? "cap" : "unmute"}`;
  if (volume.muted) return [{ what: `${what} is muted`, mend }];
  return when(volume.percent < 5, { what: `${what} is at ${volume.percent} %`, mend });
}

export const soundRules: Rule[] = [
  {
    id: "sound-card",
    severity: "warn",
    looksAt: "/proc/asound/cards",
    sees: "There is no sound card",
    why:
      "It was unplugged, its driver is not loaded, or a container was not given /dev/snd. A wake word service here hears nothing.",
    mend: "Plug it in and see `cat /proc/asound/cards`; for a container: --device /dev/snd",
    check: (facts) =>
      facts.sound && hears(facts)
        ? when(
          facts.sound.cards.length === 0,
          "no sound card, and the wake word service runs on this machine",
        )
        : null,
  },
  {
    id: "sound-microphone",
    severity: "warn",
    looksAt: "/proc/asound/pcm",
    sees: "No sound card can record: the microphone is gone",
    why: "A USB microphone was unplugged or fell asleep; the card that is left can only play.",
    mend: "Plug the microphone in again (another port, no hub); `arecord -l` must list it",
    check: (facts) =>
      facts.sound && hears(facts) && facts.sound.cards.length > 0
        ? when(!facts.sound.capture, `of ${facts.sound.cards.map(({ id }) => id).join(", ")} none can record`)
        : null,
  },
  {
    id: "sound-card-gone",
    severity: "fail",
    looksAt: "ALSA names in `cmd` and `env`, and /proc/asound/cards",
    sees: "The configuration names a sound card that is not there",
    why:
      "Cards are numbered as they are found: after a reboot or a replug hw:1 may be another card, or none.",
    mend: "Name the card by its id: hw:CARD=<id>, ids as in `cat /proc/asound/cards`",
    check: (facts) => {
      const { sound } = facts;
      const named = namedCards(facts);
      if (!sound || named.length === 0) return null;
      const there = sound.cards.map(({ id }) => id).join(", ") || "none";
      return named.filter(({ card }) =>
        /^\d+$/.test(card)
          ? !sound.cards.some(({ index }) => index === Number(card))
          : !sound.cards.some(({ id }) => id === card)
      ).map(({ service, text }) => `${service} uses ${text}; there is ${there}`);
    },
  },
  {
    id: "sound-card-number",
    severity: "info",
    looksAt: "ALSA names in `cmd` and `env`",
    sees: "The configuration names a sound card by its number",
    why: "The number changes with the order in which cards are found; the id stays.",
    mend: "Write hw:CARD=<id> in place of the number",
    check: (facts) => {
      const { sound } = facts;
      if (!sound || namedCards(facts).length === 0) return null;
      return namedCards(facts).flatMap(({ service, text, card }) => {
        const { id } = sound.cards.find(({ index }) => String(index) === card) ?? {};
        return id === undefined
          ? []
          : [{ what: `${service} uses ${text}`, mend: `Write ${text.replace(/:\d+/, `:CARD=${id}`)}` }];
      });
    },
  },
  {
    id: "sound-permission",
    severity: "fail",
    looksAt: "the rights of /dev/snd",
    sees: "This user may not use the sound card",
    why: "Outside a desktop session nobody is given the card: the user must be in the group audio.",
    mend: "sudo usermod -aG audio $USER, then log in anew",
    check: ({ sound, host }) =>
      sound && sound.cards.length > 0
        ? when(!sound.usable, {
          what: `${host.user} may not use /dev/snd`,
          mend: `sudo usermod -aG audio ${host.user}, then log in anew`,
        })
        : null,
  },
  {
    id: "sound-linger",
    severity: "fail",
    looksAt: "the loader's systemd unit and /var/lib/systemd/linger",
    sees: "The loader is a service of a user who does not linger",
    why:
      "systemd starts a user's services, PipeWire among them, at the first login and ends them at the last logout: without lingering the assistant is deaf and mute until somebody logs in.",
    mend: "loginctl enable-linger",
    check: ({ host, loader }) =>
      host.lingers === null || !loader.userUnit ? null : when(!host.lingers, {
        what: `the loader is a service of user ${host.user}, who does not linger`,
        mend: `loginctl enable-linger ${host.user}`,
      }),
  },
  {
    id: "sound-server",
    severity: "warn",
    looksAt: "PipeWire's socket in XDG_RUNTIME_DIR",
    sees: "PipeWire is installed and does not run",
    why: "It is started with the user's session: a service at boot comes before it, or the user has none.",
    mend: "systemctl --user enable --now pipewire pipewire-pulse wireplumber",
    check: (facts) => {
      const { sound, host } = facts;
      return sound?.pipewire.installed && host.runtimeDir !== null && (hears(facts) || usesServer(facts))
        ? when(!sound.pipewire.socket, `no socket of PipeWire in ${host.runtimeDir}`)
        : null;
    },
  },
  {
    id: "sound-runtime-dir",
    severity: "fail",
    looksAt: "XDG_RUNTIME_DIR, and what the configuration plays or records with",
    sees: "A service needs PipeWire or PulseAudio, and XDG_RUNTIME_DIR is not set",
    why: "Both are found by that variable. cron, sudo and a system-wide unit do not set it.",
    mend: "Set XDG_RUNTIME_DIR=/run/user/<uid> in the unit, or run the loader as a user's service",
    check: (facts) =>
      usesServer(facts)
        ? when(facts.host.runtimeDir === null, {
          what: "XDG_RUNTIME_DIR is not set: PipeWire and PulseAudio cannot be found",
          mend: `Set XDG_RUNTIME_DIR=/run/user/${facts.host.uid}`,
        })
        : null,
  },
  {
    id: "sound-muted",
    severity: "fail",
    looksAt: "wpctl or amixer",
    sees: "The microphone is muted, or at zero",
    why: "A key of the headset or keyboard, or a card that begins at zero. Nothing fails; nobody is heard.",
    mend: "wpctl set-mute @DEFAULT_AUDIO_SOURCE@ 0 && wpctl set-volume @DEFAULT_AUDIO_SOURCE@ 80%",
    check: ({ sound }) => quiet(sound?.source ?? null, "the microphone", "@DEFAULT_AUDIO_SOURCE@", "Capture"),
  },
  {
    id: "sound-silent",
    severity: "warn",
    looksAt: "wpctl or amixer",
    sees: "The speaker is muted, or at zero",
    why: "The greeting is spoken and nobody hears it.",
    mend: "wpctl set-mute @DEFAULT_AUDIO_SINK@ 0 && wpctl set-volume @DEFAULT_AUDIO_SINK@ 80%",
    check: ({ sound }) => quiet(sound?.sink ?? null, "the speaker", "@DEFAULT_AUDIO_SINK@", "Master"),
  },
];
