import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isLoopback } from '../../src/api/guard.ts'

it('only names and addresses that can mean no other machine are loopback', () => {
  for (const name of ['localhost', '127.0.0.1', '127.255.0.9', '::1']) assert.ok(isLoopback(name), name)
  for (const name of [
    '',
    '0.0.0.0',
    '127.0.0.1.example',
    '127.1',
    'localhost.example',
    '::',
    '10.0.0.1',
    'a127.0.0.1',
  ]) {
    assert.ok(!isLoopback(name), name)
  }
})
