import { describe, expect, it } from 'vitest';
import { addressReach, isPrivateHost } from '../../../src/network/private-address.js';

describe('the reach of an address', () => {
  it.each(['93.184.216.34', '2606:2800:220:1::1', '64:ff9b::5db8:d822', '::ffff:93.184.216.34'])(
    '%s is public',
    (address) => {
      expect(addressReach(address)).toBe('public');
    },
  );

  it.each([
    '127.0.0.1',
    '127.8.9.1',
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b::a00:1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '100.127.255.255',
    '172.31.255.255',
    '::10.0.0.1',
    'fc00::1',
  ])('%s is private', (address) => {
    expect(addressReach(address)).toBe('private');
  });

  it.each([
    '0.0.0.0',
    '169.254.169.254',
    '198.18.0.1',
    '192.0.2.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    'fe80::1',
    'fec0::1',
    '2001:db8::1',
    '2002:7f00:1::',
    'ff02::1',
    '64:ff9b::a9fe:a9fe',
    '0.1.2.3',
    '198.19.255.255',
    '192.0.0.192',
    '192.88.99.1',
    '198.51.100.1',
    '203.0.113.1',
    '::ffff:169.254.169.254',
    '::7f00:1',
    '::a00:1',
    '64:ff9b:1::7f00:1',
    '64:ff9b:1:a00:1::',
    '::ffff:0:7f00:1',
    '100::1',
    '2001::1',
    '3fff::1',
    '4000::1',
    'fe80::1%eth0',
    '100.100.100.200',
    'fd00:ec2::254',
    'fd00:ec2:0:0:0:0:0:254',
    'fd20:ce::254',
    'a name',
    '',
  ])('%s is forbidden', (address) => {
    expect(addressReach(address)).toBe('forbidden');
  });
});

describe('a private host', () => {
  it.each(['localhost', 'api.localhost', '127.0.0.1', '[::1]', '10.0.0.7', '[fd12::7]'])(
    'is %s',
    async (host) => {
      await expect(isPrivateHost(host)).resolves.toBe(true);
    },
  );

  it.each(['93.184.216.34', 'no-such-host.invalid', '169.254.169.254', '[::a00:1]'])(
    'is not %s',
    async (host) => {
      await expect(isPrivateHost(host)).resolves.toBe(false);
    },
  );
});
