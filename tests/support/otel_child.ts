/** Exports one boot record through Deno's own exporter and ends: run with OTEL_DENO=true by the OpenTelemetry test. */
import { exportBoot } from "../../lib/metrics/otel.ts";
import { bootRecord } from "./boot_records.ts";

const record = bootRecord(1);
record.services[3]!.outcome = "failed";
await exportBoot(record);
