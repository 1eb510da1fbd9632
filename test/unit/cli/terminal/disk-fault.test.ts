import { describe, expect, it } from 'vitest';
import { diskFaultText } from '../../../../src/cli/terminal/disk-fault.js';

const fault = (fields: object): Error => Object.assign(new Error('failed'), fields);

describe('a file system error', () => {
  it.each([
    ['ENOSPC', 'the disk is full'],
    ['EDQUOT', 'quota'],
    ['EROFS', 'read-only'],
    ['EACCES', 'no permission to write'],
    ['EMFILE', 'too many files are open'],
    ['EFBIG', 'size limit'],
  ])('%s is one sentence that names the file and what to do', (code, said) => {
    const text = diskFaultText(fault({ code, syscall: 'open', path: '/data/x' }));
    expect(text).toContain('Cannot write /data/x: ');
    expect(text).toContain(said);
    expect(text).toContain('the same command again');
  });

  it('is found behind other errors', () => {
    expect(
      diskFaultText(new Error('outer', { cause: fault({ code: 'ENOSPC', syscall: 'write' }) })),
    ).toContain('Cannot write a file: the disk is full (ENOSPC)');
  });

  it('is not an error of the network or of a program', () => {
    expect(diskFaultText(fault({ code: 'EACCES', syscall: 'connect' }))).toBeUndefined();
    expect(diskFaultText(fault({ code: 'ECONNREFUSED', syscall: 'connect' }))).toBeUndefined();
    expect(diskFaultText(new TypeError('x is not a function'))).toBeUndefined();
  });
});
