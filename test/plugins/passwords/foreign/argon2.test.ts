import { readArgon2 } from '../../../../plugins/passwords/foreign/argon2.ts'
import { readsItsForm } from '../../../support/foreign-reader.ts'

readsItsForm('argon2', readArgon2)
