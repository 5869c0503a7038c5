/** Exit codes, as DESIGN promises them to scripts. */
export const EXIT = {
  done: 0,
  /** The spec is wrong. */
  spec: 1,
  /** The command line is wrong. */
  command: 2,
  /** The run failed: device, files. */
  failed: 3,
  /** The run finished but an expectation, or a law, does not hold. */
  expectation: 4,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
