/**
 * A contestant's process: requests as JSON lines on stdin, replies on descriptor 3 (libraries print to the others).
 * pytorch.py speaks the same.
 */
import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Contestant, ContestantOptions, OpenContestant, Prepared } from "./contestant.js";
import type { Reply, Request } from "./protocol.js";

const openers: Readonly<Record<string, () => Promise<{ readonly open: OpenContestant }>>> = {
  espalier: () => import("./contestants/espalier.js"),
  naive: () => import("./contestants/naive.js"),
  "jax-js": () => import("./contestants/jax.js"),
  "TensorFlow.js": () => import("./contestants/tfjs.js"),
};

/** The most memory this process has held, in bytes. Linux counts that of the parent into `maxRSS`, so not from there. */
const peakMemory = (): number => {
  try {
    const status = readFileSync("/proc/self/status", "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
};

const [name = "", optionsText = "{}"] = process.argv.slice(2);
const replies = createWriteStream("", { fd: 3 });
const send = (reply: Reply): void => {
  replies.write(`${JSON.stringify(reply)}\n`);
};

let contestant: Contestant | null = null;
let prepared: Prepared | null = null;

const ready = (): Prepared => {
  if (prepared === null) throw new Error("nothing has been prepared");
  return prepared;
};

const answer = async (request: Request): Promise<Reply> => {
  switch (request.kind) {
    case "prepare": {
      const opener = openers[name];
      if (opener === undefined) throw new Error(`there is no contestant ${name}`);
      contestant = await (await opener()).open(JSON.parse(optionsText) as ContestantOptions);
      prepared = await contestant.prepare(request.task);
      return { kind: "prepared", about: contestant.about, can: prepared !== null };
    }
    case "result": {
      const results = await ready().result();
      for (const [at, data] of results.entries())
        writeFileSync(
          `${request.path}.${at}`,
          new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
        );
      return { kind: "result", count: results.length };
    }
    case "time":
      return { kind: "time", ms: await ready().time(request.repeats), memory: peakMemory() };
    default:
      return request satisfies never;
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  try {
    send(await answer(JSON.parse(line) as Request));
  } catch (error) {
    send({
      kind: "failed",
      reason: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }
}
process.exit(0);
