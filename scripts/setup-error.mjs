/** What keeps the setup from going on, told in full by its message; ends the process with `exitCode`. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} exitCode 2 where something is missing or wrong that only the user can mend
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** One line about what goes on; stdout is left to the command that follows. */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/** Runs a script's main function and turns what it throws into one message and an exit code. */
export async function runScript(main) {
  try {
    await main();
  } catch (error) {
    const expected = error instanceof SetupError;
    say(expected ? error.message : String(error?.stack ?? error));
    process.exitCode = expected ? error.exitCode : 1;
  }
}
