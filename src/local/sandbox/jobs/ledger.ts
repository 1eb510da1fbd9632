interface Account {
  balance: Micros;
  reserved: Micros;
  charged: Micros;
  jobsCharged: number;
}

/** The balance, reservations and charges of each account; accounts are created on first use. */
export class Ledger {
  readonly #accounts = new Map<string, Account>();
  readonly #initialBalance: (account: string) => string;

  constructor(initialBalance: (account: string) => string) {
    this.#initialBalance = initialBalance;
  }

  #account(name: string): Account {
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const balance = parseMicros(this.#initialBalance(name));
    const account = { balance, reserved: 0n, charged: 0n, jobsCharged: 0 };
    this.#accounts.set(name, account);
    return account;
  }

  /** Names of the accounts seen so far. */
  names(): readonly string[] {
    return [...this.#accounts.keys()];
  }

  /** Whether `price` is covered by the balance less the reservations. */
  covers(name: string, price: Micros): boolean {
    const { balance, reserved } = this.#account(name);
    return balance - reserved >= price;
  }

  reserve(name: string, price: Micros): void {
    this.#account(name).reserved += price;
  }

  /** Ends a reservation: charges it if `charge` is true, otherwise releases it. */
  settle(name: string, price: Micros, charge: boolean): void {
    const account = this.#account(name);
    account.reserved -= price;
    if (!charge) return;
    account.balance -= price;
    account.charged += price;
    account.jobsCharged += 1;
  }

  setBalance(name: string, balance: Micros): void {
    this.#account(name).balance = balance;
  }

  read(name: string): Readonly<Account> & { readonly available: Micros } {
    const account = this.#account(name);
    return { ...account, available: account.balance - account.reserved };
  }
}

/** An amount in millionths of the account's currency: sums are exact. */
export type Micros = bigint;

const AMOUNT = /^(\d{1,12})(?:\.(\d{1,6}))?$/;

/** Whether `parseMicros` accepts `text`: digits with at most six decimals, no sign. */
export function isAmount(text: string): boolean {
  return AMOUNT.test(text);
}

/** The amount of a decimal string. Throws if it is invalid. */
export function parseMicros(text: string): Micros {
  const [, whole, decimals = ''] = AMOUNT.exec(text) ?? [];
  if (whole === undefined) {
    throw new RangeError(
      `"${text}" is not an amount: expected digits with at most six decimals, such as 12.50`,
    );
  }
  return BigInt(whole) * 1_000_000n + BigInt(decimals.padEnd(6, '0'));
}

/** The decimal string of an amount: two decimals, up to six if they are not zero. */
export function formatMicros(micros: Micros): string {
  const sign = micros < 0n ? '-' : '';
  const digits = (micros < 0n ? -micros : micros).toString().padStart(7, '0');
  const decimals = digits.slice(-6).replace(/0{1,4}$/, '');
  return `${sign}${digits.slice(0, -6)}.${decimals}`;
}
