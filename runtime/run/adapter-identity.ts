/** The identity of an adapter in locks and journals: runs on equal identities give equal bits. */
import type { AdapterReport } from "../adapter.js";

export const adapterIdentity = (report: AdapterReport): string =>
  [report.kind, report.vendor, report.device, report.driver]
    .filter((part) => part !== "")
    .join(" / ");
