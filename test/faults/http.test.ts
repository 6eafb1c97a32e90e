import test from 'node:test'
import { shortFaults } from './short.ts'
import { http } from './systems/http.ts'

test('A1 A4 A9: a webhook receiver and the hub are killed, stopped and cut off under load, and nothing acknowledged is lost or out of order', (t) =>
  shortFaults(t, http))
