/**
 * Whether what a test needs beyond the checkout is there: for `it.runIf(isAvailable('Python with datasets', python !== undefined))`.
 * @throws where it is not, and BANANA_TEST_REQUIRE_ALL=1 forbids leaving tests out.
 */
export function isAvailable(what: string, present: boolean): boolean {
  if (!present && process.env['BANANA_TEST_REQUIRE_ALL'] === '1') {
    throw new Error(`${what} is needed by a test, and BANANA_TEST_REQUIRE_ALL=1 forbids leaving it out.`);
  }
  return present;
}
