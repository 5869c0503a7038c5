/** The per-user folder for what can be made again: the unpacked embedded driver, tuning choices. */
import { access, constants, mkdir, mkdtemp, stat } from "node:fs/promises";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";

/** Ours alone: code is loaded from here, so nobody else may have put it there or may change it. */
const isPrivate = async (folder: string): Promise<boolean> => {
  const found = await stat(folder);
  const own = process.getuid === undefined || found.uid === process.getuid();
  return own && (process.platform === "win32" || (found.mode & 0o022) === 0);
};

const candidates = (): string[] => {
  const { XDG_CACHE_HOME: xdg } = process.env;
  const home = homedir();
  return [
    ...(xdg?.startsWith("/") === true ? [join(xdg, "espalier")] : []),
    ...(home === "" ? [] : [join(home, ".cache", "espalier")]),
    join(tmpdir(), `espalier-${userInfo().uid}`),
  ];
};

/** $XDG_CACHE_HOME/espalier, else ~/.cache/espalier, else a private folder below the system's temporary one. */
export const cacheFolder = async (): Promise<string> => {
  for (const folder of candidates()) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // A folder that exists may still be read-only.
      await access(folder, constants.W_OK | constants.X_OK);
      if (await isPrivate(folder)) return folder;
    } catch {
      // Not writable: the next one.
    }
  }
  return mkdtemp(join(tmpdir(), "espalier-"));
};
