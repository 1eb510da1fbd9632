/** An error that stops the setup, fully explained by its message; ends the process with `exitCode`. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {number} exitCode 2 if something is missing or wrong that only the user can fix
   */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** One progress line on stderr; stdout is left to the command that follows. */
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
