/** The devices of a test file, opened when first asked for and closed after its tests. */
import { afterAll } from "vitest";
import { type Device, openDevice } from "../../runtime/device.js";
import { DeviceError } from "../../runtime/device-error.js";

const opened = new Map<string, Promise<Device>>();

const open = (adapter: string): Promise<Device> => {
  const device = opened.get(adapter) ?? openDevice({ adapter });
  opened.set(adapter, device);
  return device;
};

/** One for all: the embedded adapter unless ESPALIER_ADAPTER says otherwise. */
export const sharedDevice = (): Promise<Device> => open(process.env.ESPALIER_ADAPTER ?? "embedded");

/**
 * Every adapter that kernels must be right on: the shared one, and the system's software driver (lavapipe) where there
 * is one and no adapter was asked for.
 */
export const everyDevice = async (): Promise<readonly Device[]> => {
  const shared = await sharedDevice();
  if (process.env.ESPALIER_ADAPTER !== undefined) return [shared];
  try {
    return [shared, await open("system")];
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    opened.delete("system");
    return [shared];
  }
};

afterAll(async () => {
  for (const device of opened.values()) (await device).close();
  opened.clear();
});
