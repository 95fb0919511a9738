import { readAspNet } from '../../../../plugins/passwords/foreign/aspnet.ts'
import { readsItsForm } from '../../../support/foreign-reader.ts'

readsItsForm('aspnet', readAspNet)
