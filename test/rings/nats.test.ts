import test from 'node:test'
import { nats } from '../faults/systems/nats.ts'
import { need } from '../services/need.ts'
import { runRing } from './ring.ts'

test('A10: two hubs that bridge each other over NATS see every message once', { skip: await need('nats') }, () =>
  runRing(nats),
)
