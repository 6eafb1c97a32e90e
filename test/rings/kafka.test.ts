import test from 'node:test'
import { kafka } from '../faults/systems/kafka.ts'
import { need } from '../services/need.ts'
import { runRing } from './ring.ts'

test('A10: two hubs that bridge each other over Kafka see every message once', { skip: await need('kafka') }, () =>
  runRing(kafka),
)
