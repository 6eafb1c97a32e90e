import { faultTest } from './short.ts'
import { kafka } from './systems/kafka.ts'

faultTest(kafka)
