/**
 * Loaded before a process's own code: shifts its clock by BANANA_TEST_CLOCK_SHIFT_MS, as on a machine whose time was
 * never set. Elapsed time (timers, performance.now) is not changed.
 */
const shiftMs = Number(process.env.BANANA_TEST_CLOCK_SHIFT_MS);
const RealDate = Date;
const now = () => RealDate.now() + shiftMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (_, args, target) => Reflect.construct(RealDate, args.length === 0 ? [now()] : args, target),
  apply: () => new RealDate(now()).toString(),
  get: (_, name, receiver) => (name === 'now' ? now : Reflect.get(RealDate, name, receiver)),
});
