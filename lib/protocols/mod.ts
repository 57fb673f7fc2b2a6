/**
 * Wire formats that probes, warm-ups and speakers speak: Wyoming, Ollama, OpenAI-style HTTP, gRPC health and sd_notify.
 * They know bytes and fields, and nothing of services. Spec: §6, §9; CONTRACT §2, §4.
 */
export * from "./grpc_health.ts";
export * from "./ollama.ts";
export * from "./openai.ts";
export * from "./sd_notify.ts";
export * from "./wyoming.ts";
