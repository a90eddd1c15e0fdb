<?php
/**
 * Serves the WordPress under test, for PHP's own web server.
 *
 * @package Artly_Reminder_Bridge
 */

require __DIR__ . '/own-tables.php';

$artly_path = $_SERVER['DOCUMENT_ROOT'] . parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH );
if ( ! is_file( $artly_path ) || '.php' !== substr( $artly_path, -4 ) ) {
	return false;
}
chdir( dirname( $artly_path ) );
require $artly_path;
