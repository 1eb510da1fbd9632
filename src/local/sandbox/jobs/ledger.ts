import { parseMicros, type Micros } from '../../../sandbox/money.js';

interface Account {
  balance: Micros;
  reserved: Micros;
  charged: Micros;
  jobsCharged: number;
}

/** What each account holds, has reserved and was charged; accounts come to be when first named. */
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

  /** Whether `price` is available: covered by the balance less what is reserved. */
  covers(name: string, price: Micros): boolean {
    const { balance, reserved } = this.#account(name);
    return balance - reserved >= price;
  }

  reserve(name: string, price: Micros): void {
    this.#account(name).reserved += price;
  }

  /** Ends a reservation: takes the money where `charge` is true, gives it back otherwise. */
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
