<?php
/**
 * Thrown when balances cannot be read.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * A source could not give all its balances. A start must then send nothing at all: half a list would look like a whole.
 */
final class Artly_Bridge_Read_Exception extends RuntimeException {}
