/** For a command without any flags. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- commander's own type of none
export type NoFlags = Record<never, never>;

/** Commander's values for the flags that a function adds to a command. */
export type FlagsOf<AddFlags extends (...given: never[]) => { readonly opts: () => unknown }> = ReturnType<
  ReturnType<AddFlags>['opts']
>;
