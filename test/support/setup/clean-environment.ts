/*
 * Loaded before every test file: what is configured on the machine must not decide what a test reaches.
 * BANANA_TEST_… are the tests' own settings.
 */
for (const name of Object.keys(process.env)) {
  if (
    /^(AWS|BANANA|BANANAHUB|TEMPORAL)_/.test(name) &&
    !/^(AWS_SDK_JS_|BANANA_TEST_|TEMPORAL_CLI_PATH$)/.test(name)
  ) {
    delete process.env[name];
  }
}
