import test from 'node:test'
import { pulsar } from '../faults/systems/pulsar.ts'
import { need } from '../services/need.ts'
import { runRing } from './ring.ts'

test('A10: two hubs that bridge each other over Pulsar see every message once', { skip: await need('pulsar') }, () =>
  runRing(pulsar),
)
