/** One device for a test file: the embedded adapter unless ESPALIER_ADAPTER says otherwise; closed after its tests. */
import { afterAll } from "vitest";
import { type Device, openDevice } from "../../runtime/device.js";

let opened: Promise<Device> | null = null;

/** The file's device, opened when first asked for. */
export const sharedDevice = (): Promise<Device> => {
  opened ??= openDevice({ adapter: process.env.ESPALIER_ADAPTER ?? "embedded" });
  return opened;
};

afterAll(async () => {
  if (opened === null) return;
  const device = await opened;
  opened = null;
  device.close();
});
