<?php
/**
 * Sets the options that it gets as JSON on standard input in the WordPress that ARTLY_WP_ROOT names, makes the theme the
 * shop's, and makes sure that the plugin is active: { options: { name: value }, plugin, theme }.
 */

$request = json_decode( stream_get_contents( STDIN ), true, 512, JSON_THROW_ON_ERROR );

require getenv( 'ARTLY_WP_ROOT' ) . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/plugin.php';

foreach ( $request['options'] as $name => $value ) {
	update_option( $name, $value );
}
if ( get_stylesheet() !== $request['theme'] ) {
	switch_theme( $request['theme'] );
}
$result = activate_plugin( $request['plugin'] );
if ( is_wp_error( $result ) ) {
	fwrite( STDERR, $result->get_error_message() . "\n" );
	exit( 1 );
}

echo 'done';
