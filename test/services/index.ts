/** Real servers for the tests: got once, cached outside the checkout, started on 127.0.0.1, stopped by process id. */
export { type Certificate, makeCertificate } from './certificates.ts'
export { type KafkaOptions, type KafkaServer, startKafka } from './kafka.ts'
export { type MosquittoOptions, type MosquittoServer, startMosquitto } from './mosquitto.ts'
export { type NatsOptions, type NatsServer, natsServer, startNats } from './nats.ts'
export { missing, need, type Service, services } from './need.ts'
export { freePorts, type Server, startProcess, waitFor } from './process.ts'
export { type PulsarOptions, type PulsarServer, startPulsar } from './pulsar.ts'
export { type ReductServer, startReductStore } from './reductstore.ts'
